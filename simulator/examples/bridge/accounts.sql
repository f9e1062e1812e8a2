-- The accounts at jabiru.example.org, as the queries of providers.json want them. To make the file: sipsim database sip_accounts accounts.sql
CREATE TABLE IF NOT EXISTS users (
  pk       INTEGER PRIMARY KEY,
  username TEXT NOT NULL,
  domain   TEXT NOT NULL,
  password TEXT NOT NULL,
  UNIQUE (username, domain)
);
INSERT OR IGNORE INTO users (username, domain, password) VALUES
  ('felix',  'jabiru.example.org', 'Mellon'),
  ('emilie', 'jabiru.example.org', 'Mellon');
