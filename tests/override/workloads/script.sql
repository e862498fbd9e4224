-- Tables, indexes, joins, windows, JSON, triggers, recursion: what makes sqlite allocate.
PRAGMA journal_mode = WAL;
PRAGMA cache_size = 400;
CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, town TEXT, born INTEGER);
CREATE TABLE visit(person INTEGER, town TEXT, day INTEGER, cost REAL);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
INSERT INTO person SELECT i, 'name' || (i * 7919 % 10007), 'town' || (i % 97), 1900 + i % 100 FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
INSERT INTO visit SELECT i * 31 % 12000 + 1, 'town' || (i * 13 % 97), i % 365, (i * 17 % 1000) / 8.0 FROM n;
COMMIT;
CREATE INDEX visit_person ON visit(person);
CREATE INDEX person_name ON person(name, town);
ANALYZE;
SELECT p.town, count(*), round(sum(v.cost), 3) FROM person p JOIN visit v ON v.person = p.id
  WHERE p.town <> v.town GROUP BY p.town ORDER BY 2 DESC, 1 LIMIT 8;
SELECT name, town, rank() OVER (PARTITION BY town ORDER BY born, name) AS r FROM person
  ORDER BY r DESC, name LIMIT 6;
SELECT group_concat(name, ',') FROM (SELECT name FROM person WHERE town = 'town5' ORDER BY name);
CREATE TABLE doc(body TEXT);
INSERT INTO doc SELECT json_object('id', id, 'tags', json_array(name, town, born)) FROM person;
SELECT json_extract(body, '$.tags[1]') AS t, count(*) FROM doc GROUP BY t ORDER BY 2 DESC, 1 LIMIT 5;
SELECT count(*), sum(length(body)) FROM doc WHERE body LIKE '%town1%';
CREATE TABLE log(what TEXT);
CREATE TRIGGER moved AFTER UPDATE OF town ON person BEGIN
  INSERT INTO log VALUES (old.name || ' left ' || old.town || ' for ' || new.town);
END;
UPDATE person SET town = 'town' || (id % 89) WHERE id % 11 = 0;
SELECT count(*), min(what), max(what) FROM log;
DELETE FROM visit WHERE day % 3 = 0;
SAVEPOINT here;
DELETE FROM person;
ROLLBACK TO here;
RELEASE here;
SELECT hex(zeroblob(40)), length(zeroblob(3000000)), length(printf('%.*c', 900000, 'x'));
SELECT * FROM nowhere;
WITH RECURSIVE fib(a, b) AS (SELECT 0, 1 UNION ALL SELECT b, a + b FROM fib LIMIT 60)
SELECT max(a) FROM fib;
VACUUM;
PRAGMA integrity_check;
SELECT (SELECT count(*) FROM person), (SELECT count(*) FROM visit), (SELECT count(*) FROM log);
PRAGMA wal_checkpoint(TRUNCATE);
PRAGMA journal_mode = DELETE;
