CREATE TABLE IF NOT EXISTS `shop`.`orders` (
  `at` DATETIME(0) NULL,
  `ratio` DOUBLE NULL,
  `doc` STRING NULL
)
DUPLICATE KEY(`at`)
DISTRIBUTED BY HASH(`at`) BUCKETS 8
PROPERTIES ('light_schema_change' = 'true', 'replication_num' = '1')
