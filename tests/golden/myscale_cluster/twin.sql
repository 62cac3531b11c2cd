CREATE TABLE photos_next_local ON CLUSTER 'many' AS photos.photos_local;
CREATE TABLE photos_next ON CLUSTER 'many' AS photos.photos_next_local ENGINE = Distributed('many', 'photos', 'photos_next_local', sipHash64(photo_id))
