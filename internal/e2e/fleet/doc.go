// Package fleet shows that several processes hold one limit, one login and one
// API key, over real engines: Redis (one server, a Cluster, a primary with a
// replica and Sentinel), PostgreSQL and a SQLite file.
//
// Each test starts its engine and its processes on loopback ports, with files
// in a temporary folder, and ends them. A process is the test program itself,
// started again with BULWARK_FLEET set: worker_test.go is what it serves. A
// test that needs a program which is missing is skipped, or fails where
// BULWARK_REDIS or BULWARK_POSTGRES is "required":
//
//	apt-get install redis-server postgresql faketime
//
// The tests stop, kill and restart engines and processes while requests run,
// and move the clock of the engine. They count answers. They compare no
// durations, so that they hold on a busy machine: "while the engine is stopped"
// means that it is continued only after the last answer.
package fleet
