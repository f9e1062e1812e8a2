-- The accounts at jabiru.example.org that b2bua may use, and a user who can read them and nothing else.
CREATE TABLE users (
  username VARCHAR(64) NOT NULL,
  domain VARCHAR(64) NOT NULL DEFAULT 'jabiru.example.org',
  password VARCHAR(128) NOT NULL,
  PRIMARY KEY (username, domain)
);
INSERT INTO users (username, password) VALUES ('felix', 'Mellon');
CREATE USER 'b2bua'@'%' IDENTIFIED BY 'b2bua-secret';
GRANT SELECT ON accounts.users TO 'b2bua'@'%';
