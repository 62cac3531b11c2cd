ALTER TABLE photos ADD VECTOR INDEX IF NOT EXISTS photo_embed_index photo_embed TYPE MSTG('metric_type=Cosine');
ALTER TABLE photos ADD VECTOR INDEX IF NOT EXISTS photo_embed_index photo_embed TYPE SCANN('metric_type=Cosine')
