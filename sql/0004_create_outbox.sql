-- Events, written in the transaction of the change they tell of and handed on later, at least once, in the order of seq.
-- state: waiting (to be handed on once due_at has come) or dead (given up; an administrator decides).
-- data is JSON kept as text, byte for byte, for the reason given in 0002.

CREATE TABLE outbox (
  seq BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  event_name VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  data LONGTEXT NOT NULL,
  created_at DATETIME(3) NOT NULL,
  attempts INT NOT NULL DEFAULT 0,
  due_at DATETIME(3) NOT NULL,
  state VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'waiting',
  last_error TEXT NULL,
  UNIQUE KEY outbox_id (id),
  KEY outbox_due (state, due_at, seq)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
