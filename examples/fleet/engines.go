package main

import (
	"context"
	"path/filepath"

	"github.com/bulwark-go/bulwark/internal/engine"
)

// engines are the servers that keep what the processes share. In production
// somebody else runs them: take over the lines of their configuration.
type engines struct {
	limits   *engine.Server
	state    *engine.Server // nil with -sql
	postgres *engine.Server // nil without -sql postgres
	database database
}

// limitsOptions are for limits. When the memory is full, the counts that end
// soonest make room. The counts are not written to disk: what is lost with them
// is at most one burst of each caller.
var limitsOptions = []string{"maxmemory 64mb", "maxmemory-policy volatile-ttl", `save ""`, "appendonly no"}

// stateOptions are for sessions, keys and revocations. Nothing makes room for
// anything else, and every write is on the disk before it is answered.
var stateOptions = []string{"maxmemory 256mb", "maxmemory-policy noeviction", "appendonly yes", "appendfsync always"}

// startEngines starts the servers, with their files in dir. The error of a
// server that is not installed says what to install.
func startEngines(ctx context.Context, dir, sql string) (*engines, error) {
	e := &engines{database: sqliteFile(filepath.Join(dir, "documents.db"))}
	var err error
	if e.limits, err = engine.Redis(ctx, filepath.Join(dir, "limits"), engine.RedisConfig{Options: limitsOptions}); err != nil {
		e.close()
		return nil, err
	}
	if sql == "" {
		if e.state, err = engine.Redis(ctx, filepath.Join(dir, "state"), engine.RedisConfig{Options: stateOptions}); err != nil {
			e.close()
			return nil, err
		}
	}
	if sql == "postgres" {
		if e.postgres, err = engine.Postgres(ctx, dir, engine.PostgresConfig{}); err != nil {
			e.close()
			return nil, err
		}
		e.database = database{"pgx", e.postgres.DSN()}
	}
	return e, nil
}

func (e *engines) close() {
	for _, s := range []*engine.Server{e.limits, e.state, e.postgres} {
		if s != nil {
			s.Close()
		}
	}
}

func at(s *engine.Server) redisServer { return redisServer{s.Addr(), s.Password()} }
