SELECT count() FROM system.parts WHERE database = currentDatabase() AND table = 'photos' AND active AND has_lightweight_delete
