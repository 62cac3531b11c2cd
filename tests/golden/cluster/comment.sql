SELECT comment FROM system.tables WHERE database = 'photos' AND name = 'photos_local'
