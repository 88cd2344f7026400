// Package bench measures this module beside the middleware that services put
// together today and beside the floor: what the standard library alone needs
// for the same answer. Everything is measured in one process and in turns: the
// ratios hold on any machine, and the absolute times do not.
//
// Its tables come as Go benchmarks and as a report that says which of the set
// bounds are met:
//
//	go test -bench . ./...
//	go run ./cmd/report
//
// What is measured is work, without a network: a handler is called with a
// request that is already parsed, and with a ResponseWriter that keeps nothing.
// Every call gets a Request and a Header of its own, as from a server.
//
// The exceptions are the tables of Redis and PostgreSQL: the report starts both
// on this machine, and leaves these tables out where they are not installed. A
// proxy adds the network, and counts the round trips.
//
// What is not covered: throughput over many cores, and the latency of a loaded
// server.
package bench
