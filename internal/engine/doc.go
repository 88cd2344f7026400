// Package engine starts real servers for tests and for examples/fleet: Redis
// (one server, a Cluster of three primaries, or a primary and a replica watched
// by Sentinel) and PostgreSQL. Each server listens on 127.0.0.1 only, keeps its
// files in a folder that the caller gives, and ends with the process that
// started it.
//
//	engine.Need(t, engine.RedisServer)
//	redis, err := engine.Redis(ctx, t.TempDir(), engine.RedisConfig{})
//	if err != nil {
//		t.Fatal(err)
//	}
//	t.Cleanup(func() { redis.Close() })
//	client := dial(redis.Addr(), redis.Password())
//
// # Threat
//
// A test that talks to a server which it has not started reads and destroys
// somebody else's state. A server that outlives its test holds a port and a
// folder for ever. A port that was free a moment ago may be taken now.
//
// # Defence
//
// Each server has a password of its own, made of 16 random bytes. A server
// counts as started only after it has accepted that password and has named the
// process that this package started. A port is chosen at random. When the
// server reports that the port is in use, the package tries another port.
// [Server.Close] asks the server to end, waits five seconds and kills it. On
// Linux the kernel kills the servers when the process that started them dies.
//
// A [Server] can be stopped (SIGSTOP), continued, killed and restarted on the
// same port. A server started with Clock set runs under libfaketime:
// [Server.SetClock] moves its clock while it runs. A [Proxy] stands between a
// client and a server and delays, holds or cuts their connections.
//
// # Not covered
//
// The servers have no TLS. PostgreSQL runs with fsync off, so that it keeps
// what it has committed when the server is killed, but not when the machine
// fails. Stop, Continue and Kill need a Unix system.
//
// # Errors
//
// An error names the program that failed and holds the last lines of its log,
// and never the password. A missing program is an [*Absent], whose text says
// what to install; [Need] skips a test for it.
package engine
