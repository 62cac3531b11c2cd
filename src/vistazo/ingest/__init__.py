"""From a source to the tables: fetch, decode, batch, embed, insert."""
