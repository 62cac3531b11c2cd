DELETE FROM photos_local ON CLUSTER 'many' WHERE photo_id IN {listed:Array(String)}
