DELETE FROM photos WHERE photo_id IN {listed:Array(String)}
