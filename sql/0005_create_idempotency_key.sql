-- What was answered to a request with an Idempotency-Key, so that the same request is not done twice. Written in the transaction
-- of what it did: a row says that all of it was.
-- id is a keyed digest of whose key it is and of the key itself. answer is sealed with a key that is made of the secret and of the
-- request: neither the answer nor the request can be read from here. A row without its customer is worth nothing.

CREATE TABLE idempotency_key (
  id BINARY(32) NOT NULL PRIMARY KEY,
  customer_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  answer MEDIUMTEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  created_at DATETIME(3) NOT NULL,
  expires_at DATETIME(3) NOT NULL,
  KEY idempotency_key_customer (customer_id),
  KEY idempotency_key_expires (expires_at),
  CONSTRAINT idempotency_key_customer_fk FOREIGN KEY (customer_id) REFERENCES customer (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
