TRUNCATE TABLE encoders_local ON CLUSTER 'many'
