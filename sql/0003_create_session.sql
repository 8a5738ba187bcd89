-- Sign-ins. The row is the authority: whoever's row is gone is signed out, whatever cookie or token they still hold.
-- id is the SHA-256 of the token; the token itself is kept nowhere. kind: cookie or bearer.

CREATE TABLE session (
  id BINARY(32) NOT NULL PRIMARY KEY,
  customer_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  created_at DATETIME(3) NOT NULL,
  last_seen DATETIME(3) NOT NULL,
  expires_at DATETIME(3) NOT NULL,
  KEY session_customer (customer_id),
  KEY session_expires (expires_at),
  CONSTRAINT session_customer_fk FOREIGN KEY (customer_id) REFERENCES customer (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
