-- Customers, their addresses and groups.
--
-- live is 1 for a live row and NULL for a deleted one: a NULL never collides, so unique keys that hold it bind live rows
-- only (MariaDB has no functional index). E-mails are lower-cased before they get here; a _bin collation keeps them apart
-- exactly, where a _ci collation would fold accents. live is stored: over an index of a virtual column, a MariaDB 10.11 that
-- recovers its place in a cluster (--wsrep-recover) hangs now and then.
--
-- metadata is LONGTEXT, not JSON: MySQL's JSON reorders keys and rewrites numbers, MariaDB's refuses values nested deeper
-- than 31. The API promises to give back what it was given, so the text is kept byte for byte and read by the module alone.

CREATE TABLE customer (
  id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  email VARCHAR(320) NOT NULL,
  first_name TEXT NULL,
  last_name TEXT NULL,
  billing_address_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  password_hash VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NULL,
  phone TEXT NULL,
  has_account TINYINT(1) NOT NULL DEFAULT 0,
  metadata LONGTEXT NULL,
  created_at DATETIME(3) NOT NULL,
  updated_at DATETIME(3) NOT NULL,
  deleted_at DATETIME(3) NULL,
  live TINYINT(1) GENERATED ALWAYS AS (IF(deleted_at IS NULL, 1, NULL)) STORED,
  UNIQUE KEY customer_email_account (email, has_account, live),
  UNIQUE KEY customer_billing_address (billing_address_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE address (
  id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  customer_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  company TEXT NULL,
  first_name TEXT NULL,
  last_name TEXT NULL,
  address_1 TEXT NULL,
  address_2 TEXT NULL,
  city TEXT NULL,
  country_code VARCHAR(2) CHARACTER SET ascii COLLATE ascii_bin NULL,
  province TEXT NULL,
  postal_code TEXT NULL,
  phone TEXT NULL,
  metadata LONGTEXT NULL,
  created_at DATETIME(3) NOT NULL,
  updated_at DATETIME(3) NOT NULL,
  deleted_at DATETIME(3) NULL,
  KEY address_customer (customer_id, deleted_at, created_at),
  KEY address_country (country_code),
  CONSTRAINT address_customer_fk FOREIGN KEY (customer_id) REFERENCES customer (id),
  CONSTRAINT address_country_fk FOREIGN KEY (country_code) REFERENCES country (iso_2)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

ALTER TABLE customer ADD CONSTRAINT customer_billing_address_fk
  FOREIGN KEY (billing_address_id) REFERENCES address (id);

CREATE TABLE customer_group (
  id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  name VARCHAR(255) NOT NULL,
  metadata LONGTEXT NULL,
  created_at DATETIME(3) NOT NULL,
  updated_at DATETIME(3) NOT NULL,
  deleted_at DATETIME(3) NULL,
  live TINYINT(1) GENERATED ALWAYS AS (IF(deleted_at IS NULL, 1, NULL)) STORED,
  UNIQUE KEY customer_group_name (name, live)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE customer_group_customers (
  customer_group_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  customer_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (customer_group_id, customer_id),
  KEY customer_group_customers_customer (customer_id),
  CONSTRAINT cgc_group_fk FOREIGN KEY (customer_group_id) REFERENCES customer_group (id) ON DELETE CASCADE,
  CONSTRAINT cgc_customer_fk FOREIGN KEY (customer_id) REFERENCES customer (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
