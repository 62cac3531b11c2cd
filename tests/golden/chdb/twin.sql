CREATE TABLE photos_next AS photos
