-- Database and accounts of a shop whose httpd machines come over the network (10.0.0.*). Once, on one node of the cluster: the
-- others get them from it. For a single database server, leave out medusa_check.

CREATE DATABASE medusa CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE USER medusa@'10.0.0.%' IDENTIFIED BY 'PASSWORD1';
GRANT SELECT, INSERT, UPDATE, DELETE ON medusa.* TO medusa@'10.0.0.%';
CREATE USER medusa_migrate@'10.0.0.%' IDENTIFIED BY 'PASSWORD2';
GRANT ALL ON medusa.* TO medusa_migrate@'10.0.0.%';

-- What haproxy asks by whether a node is well: it has no password and no rights.
CREATE USER medusa_check@'10.0.0.%';
