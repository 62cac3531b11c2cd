EXCHANGE TABLES photos AND photos_next
