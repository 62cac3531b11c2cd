"""`/docs`: the interface on one page, written from its OpenAPI description; no script, no foreign file."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

if TYPE_CHECKING:
    from fastapi import FastAPI

_STYLE = """
:root { color-scheme: light dark; --soft: color-mix(in srgb, CanvasText 65%, Canvas);
  --line: color-mix(in srgb, CanvasText 18%, Canvas); }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 62rem; padding: 1.5rem; }
h2 { border-top: 1px solid var(--line); margin-top: 2.5rem; padding-top: 1rem; }
h3 { font: 600 1rem/1.5 ui-monospace, monospace; margin: 1.8rem 0 .2rem; overflow-wrap: anywhere; }
p { margin: .3rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; margin: .5rem 0; }
td, th { border-bottom: 1px solid var(--line); padding: .25rem .8rem .25rem 0; text-align: left;
  vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { overflow-x: auto; padding: .6rem; border: 1px solid var(--line); border-radius: .4rem; }
.soft { color: var(--soft); }
"""


def router(app: FastAPI) -> APIRouter:
    """The routes of the page."""
    routes = APIRouter()

    @routes.get("/docs", include_in_schema=False)
    def docs() -> Response:
        """The page."""
        return HTMLResponse(page(app.openapi()), headers={"Cache-Control": "no-cache"})

    @routes.get("/docs/style.css", include_in_schema=False)
    def style() -> Response:
        """Its style."""
        return Response(_STYLE, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    return routes


def page(description: dict[str, Any]) -> str:
    """The description as HTML."""
    groups: dict[str, list[str]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            group = (operation.get("tags") or ["server"])[0]
            groups.setdefault(group, []).append(_operation(path, method, operation))
    body = "".join(f"<h2>{escape(name)}</h2>{''.join(each)}" for name, each in groups.items())
    schemas = description.get("components", {}).get("schemas", {})
    shapes = "".join(_schema(name, schema) for name, schema in sorted(schemas.items()))
    title = f"{escape(description['info']['title'])} {escape(description['info']['version'])}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title}: REST</title><link rel="stylesheet" href="/docs/style.css"></head><body>'
        f"<main><h1>{title}: REST</h1><p>Everything here as"
        ' <a href="/api/v1/openapi.json">OpenAPI</a>. Errors are'
        ' <code>{"error": {"code": "..", "message": ".."}}</code>.</p>'
        f"{body}<h2>Shapes</h2>{shapes}</main></body></html>"
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    rows = [
        (each["name"], each["in"], _type(each["schema"]), each.get("description", ""))
        for each in operation.get("parameters", [])
    ]
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        rows.append(("body", kind, _type(content["schema"]), ""))
    answers = []
    for status, response in operation["responses"].items():
        for kind, content in response.get("content", {"": {}}).items():
            shape = _type(content.get("schema", {}))
            answers.append(f"{escape(status)} {escape(shape or kind)}")
    text = escape(operation.get("description") or operation.get("summary", ""))
    table = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(place)}</td>"
        f"<td><code>{escape(kind)}</code></td><td>{escape(said)}</td></tr>"
        for name, place, kind, said in rows
    )
    head = "<tr><th>name</th><th>in</th><th>type</th><th></th></tr>"
    table = f'<div class="scroll"><table>{head}{table}</table></div>' if rows else ""
    return (
        f"<h3>{escape(method.upper())} {escape(path)}</h3><p>{text}</p>{table}"
        f'<p class="soft">{"; ".join(answers)}</p>'
    )


def _schema(name: str, schema: dict[str, Any]) -> str:
    fields = {key: _type(value) for key, value in schema.get("properties", {}).items()}
    shown = json.dumps(fields, indent=2, ensure_ascii=False)
    said = escape(schema.get("description", ""))
    return f'<h3 id="{escape(name)}">{escape(name)}</h3><p>{said}</p><pre>{escape(shown)}</pre>'


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    kind = str(schema.get("type", ""))
    if kind == "array":
        return f"[{_type(schema.get('items', {}))}]"
    limits = [f">= {schema['minimum']}"] if "minimum" in schema else []
    limits += [f"<= {schema['maximum']}"] if "maximum" in schema else []
    limits += [f"= {schema['default']}"] if schema.get("default") not in (None, "") else []
    return " ".join([kind, *limits])
