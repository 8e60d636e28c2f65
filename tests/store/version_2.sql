BEGIN TRANSACTION;
CREATE TABLE events (
	run INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	body TEXT NOT NULL, 
	PRIMARY KEY (run, number), 
	FOREIGN KEY(run) REFERENCES runs (number) ON DELETE CASCADE
)
 WITHOUT ROWID

;
INSERT INTO "events" VALUES(1,1,'run_started','{"elapsed_seconds":0.0,"event":"run_started","run":"261124-0655-heads-only-3f9a","spec":{"checkpoint":"minilm-l6","scenario":"heads-only","plan":{"name":"heads only","phases":[{"name":"heads","train":["heads"],"epochs":1.0,"learning_rate":null,"head_learning_rate":null}],"learning_rate":0.00005,"head_learning_rate":0.001,"layer_decay":1.0,"schedule":"linear","freeze":[],"task_weights":{}},"data":"sample","tasks":[{"name":"sentiment","kind":"sentence","head":"classifier","outputs":["negative","positive"]},{"name":"ner","kind":"token","head":"ner","outputs":["O","PER","LOC","ORG"]}],"epochs":3.0,"batch_size":16,"max_length":128,"seed":7,"examples":{},"prefix_reuse":true,"threads":1,"starts_from":null,"random_backbone":false,"label_noise":{},"also_evaluate":[],"weights_digest":null,"data_digests":{},"versions":{}},"totals":{"all":10,"trainable":1,"frozen":9,"unreached":0},"total_steps":3,"examples":{},"notes":[]}');
INSERT INTO "events" VALUES(1,2,'step','{"elapsed_seconds":0.1,"event":"step","phase":"heads","step":1,"epoch":0.04,"loss":{"sentiment":0.3333333333333333,"ner":null},"learning_rates":{"heads":0.001}}');
INSERT INTO "events" VALUES(1,3,'step','{"elapsed_seconds":0.2,"event":"step","phase":"heads","step":2,"epoch":0.08,"loss":{"sentiment":0.25,"ner":null},"learning_rates":{"heads":0.001}}');
INSERT INTO "events" VALUES(1,4,'step','{"elapsed_seconds":0.3,"event":"step","phase":"heads","step":3,"epoch":0.12,"loss":{"sentiment":0.2,"ner":null},"learning_rates":{"heads":0.001}}');
INSERT INTO "events" VALUES(1,5,'run_finished','{"elapsed_seconds":2.0,"event":"run_finished","run":"261124-0655-heads-only-3f9a","metrics":{"sentiment":{"loss":0.5,"accuracy":0.75,"macro_f1":0.7}},"frozen_identical":true,"frozen_tensors":101,"peak_memory_bytes":1,"training_seconds":1.0,"evaluation_seconds":0.5,"prefix_seconds":0.0,"total_seconds":2.0,"output":null}');
CREATE TABLE owners (
	id TEXT NOT NULL, 
	place TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	started TEXT, 
	seen_at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "owners" VALUES('a-boot/pid:[1]/25218/2583673','a-boot/pid:[1]',25218,'2583673','2026-11-24T12:57:53.385302+00:00');
CREATE TABLE retired_ids (
	id TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE runs (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	spec TEXT NOT NULL, 
	created_at VARCHAR(32) NOT NULL, 
	started_at VARCHAR(32), 
	finished_at VARCHAR(32), 
	reason TEXT, 
	last_event INTEGER NOT NULL, 
	stop_requested BOOLEAN NOT NULL, 
	owner TEXT, 
	title TEXT, 
	tags TEXT DEFAULT '[]' NOT NULL, 
	deleted_at VARCHAR(32), 
	UNIQUE (id), 
	FOREIGN KEY(owner) REFERENCES owners (id)
);
INSERT INTO "runs" VALUES(1,'261124-1257-heads-only-dbb4','heads-only','finished','{"checkpoint":"minilm-l6","scenario":"heads-only","plan":{"name":"heads only","phases":[{"name":"heads","train":["heads"],"epochs":1.0,"learning_rate":null,"head_learning_rate":null}],"learning_rate":0.00005,"head_learning_rate":0.001,"layer_decay":1.0,"schedule":"linear","freeze":[],"task_weights":{}},"data":"sample","tasks":[{"name":"sentiment","kind":"sentence","head":"classifier","outputs":["negative","positive"]},{"name":"ner","kind":"token","head":"ner","outputs":["O","PER","LOC","ORG"]}],"epochs":3.0,"batch_size":16,"max_length":128,"seed":7,"examples":{},"prefix_reuse":true,"threads":1,"starts_from":null,"random_backbone":false,"label_noise":{},"also_evaluate":[],"weights_digest":null,"data_digests":{},"versions":{}}','2026-11-24T12:57:53.363998+00:00','2026-11-24T12:57:53.363998+00:00','2026-11-24T12:57:53.385302+00:00',NULL,5,0,'a-boot/pid:[1]/25218/2583673','first try','["thesis", "ner"]',NULL);
INSERT INTO "runs" VALUES(2,'261124-1257-top-1-12b5','top-1','waiting','{"checkpoint":"minilm-l6","scenario":"top-1","plan":{"name":"heads only","phases":[{"name":"heads","train":["heads"],"epochs":1.0,"learning_rate":null,"head_learning_rate":null}],"learning_rate":0.00005,"head_learning_rate":0.001,"layer_decay":1.0,"schedule":"linear","freeze":[],"task_weights":{}},"data":"sample","tasks":[{"name":"sentiment","kind":"sentence","head":"classifier","outputs":["negative","positive"]},{"name":"ner","kind":"token","head":"ner","outputs":["O","PER","LOC","ORG"]}],"epochs":3.0,"batch_size":16,"max_length":128,"seed":8,"examples":{},"prefix_reuse":true,"threads":1,"starts_from":null,"random_backbone":false,"label_noise":{},"also_evaluate":[],"weights_digest":null,"data_digests":{},"versions":{}}','2026-11-24T12:57:53.400766+00:00',NULL,NULL,NULL,0,0,NULL,NULL,'[]',NULL);
INSERT INTO "runs" VALUES(3,'261124-1257-top-1-afb9','top-1','waiting','{"checkpoint":"minilm-l6","scenario":"top-1","plan":{"name":"heads only","phases":[{"name":"heads","train":["heads"],"epochs":1.0,"learning_rate":null,"head_learning_rate":null}],"learning_rate":0.00005,"head_learning_rate":0.001,"layer_decay":1.0,"schedule":"linear","freeze":[],"task_weights":{}},"data":"sample","tasks":[{"name":"sentiment","kind":"sentence","head":"classifier","outputs":["negative","positive"]},{"name":"ner","kind":"token","head":"ner","outputs":["O","PER","LOC","ORG"]}],"epochs":3.0,"batch_size":16,"max_length":128,"seed":8,"examples":{},"prefix_reuse":true,"threads":1,"starts_from":null,"random_backbone":false,"label_noise":{},"also_evaluate":[],"weights_digest":null,"data_digests":{},"versions":{}}','2026-11-24T12:57:53.402378+00:00',NULL,NULL,NULL,0,0,NULL,NULL,'[]','2026-11-24T12:57:53.403902+00:00');
CREATE TABLE schema (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "schema" VALUES(2);
CREATE INDEX runs_by_state ON runs (state, number);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('runs',3);
COMMIT;
