EXCHANGE TABLES photos_local AND photos_next_local ON CLUSTER 'many'
