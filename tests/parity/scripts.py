"""A few thousand strings in twenty scripts, for tokenizers to agree on."""

from __future__ import annotations

import random

# First and last letter of twenty scripts, by code point.
SCRIPTS = {
    "Latin": (0x61, 0x7A),
    "Latin-1": (0xC0, 0xFF),
    "Latin extended": (0x100, 0x17F),
    "Greek": (0x391, 0x3C9),
    "Cyrillic": (0x410, 0x44F),
    "Armenian": (0x531, 0x556),
    "Hebrew": (0x5D0, 0x5EA),
    "Arabic": (0x621, 0x64A),
    "Devanagari": (0x904, 0x939),
    "Bengali": (0x985, 0x9B9),
    "Tamil": (0xB85, 0xBB9),
    "Telugu": (0xC05, 0xC39),
    "Thai": (0xE01, 0xE30),
    "Georgian": (0x10D0, 0x10F0),
    "Hangul": (0xAC00, 0xD7A3),
    "Ethiopic": (0x1200, 0x1248),
    "Khmer": (0x1780, 0x17B3),
    "Hiragana": (0x3041, 0x3096),
    "Katakana": (0x30A1, 0x30FA),
    "Han": (0x4E00, 0x9FA5),
}
ODD = [
    *("", " ", "\n", "\t a \r\n b", "A RED CAR", "it's, isn't, we'll, I'd", "1234567890 3.14 ½ ²"),
    *("🦊", "👩‍👩‍👧‍👦 flag 🇪🇸", "e\u0301 \u0439 ﬁ ㎏", "\x00\x07", "\u200b\ufeff", "a" * 5000),
    *("<|startoftext|> <|endoftext|>", "…—“quotes”", "\u202eright", "x\u0000y", "ÅNGSTRÖM İI"),
]


def strings(each: int = 150) -> list[str]:
    """Words of each script alone, mixed with others, with marks, and far too long."""
    chance = random.Random(7)
    names = list(SCRIPTS)

    def word(name: str) -> str:
        first, last = SCRIPTS[name]
        return "".join(chr(chance.randint(first, last)) for _ in range(chance.randint(1, 9)))

    made = list(ODD)
    for name in names:
        for number in range(each):
            other = name if number % 3 else chance.choice(names)
            count = 120 if number % 25 == 0 else chance.randint(1, 12)
            words = [word(chance.choice((name, other))) for _ in range(count)]
            made.append(chance.choice((" ", "  ", ", ", "-", "' ")).join(words))
    return made
