package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/rueidis"

	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/examples/internal/documents"
	"github.com/bulwark-go/bulwark/redisstore"
	"github.com/bulwark-go/bulwark/sqlstore"
)

// stores are the connections of one process to what the fleet shares.
type stores struct {
	shared        documents.Shared
	limits, state rueidis.Client
	db            *sql.DB
	sweepers      []sweeper
}

type sweeper interface{ Sweep(context.Context) error }

// openStores connects to the engines. The limits may be away: each process then
// counts by itself. The other stores must answer.
func openStores(ctx context.Context, s settings, logger *slog.Logger) (_ *stores, err error) {
	st := &stores{}
	defer func() {
		if err != nil {
			st.close()
		}
	}()
	if err := st.openLimits(s, logger); err != nil {
		return nil, err
	}
	if st.db, err = s.Database.open(); err != nil {
		return nil, err
	}
	if err := st.openState(ctx, s, logger); err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(s.Secrets.SigningKey)
	if err != nil {
		return nil, fmt.Errorf("reading the signing key: %w", err)
	}
	t := table{st.db, s.Database.Driver}
	st.shared.Accounts, st.shared.Documents = people{t}, shelf{t, documents.DefaultBounds}
	st.shared.SigningKey = key.(crypto.Signer)
	st.shared.StoreKey, st.shared.Pepper = s.Secrets.StoreKey, s.Secrets.Pepper
	st.shared.AccountKey = audit.NewSecret(string(s.Secrets.AccountKey))
	return st, nil
}

// openLimits keeps the limits in a Redis of their own. While it does not
// answer, each process allows its part of every limit.
func (st *stores) openLimits(s settings, logger *slog.Logger) (err error) {
	if st.limits, err = connect(s.Limits); err != nil {
		logger.Warn("the limits do not answer yet", "error", err.Error())
	}
	st.shared.Limits, err = redisstore.NewLimits(redisstore.LimitsConfig{
		Client:    redisstore.Rueidis(st.limits),
		Secret:    s.Secrets.Deployment,
		OnOutage:  redisstore.Local,
		Instances: s.Instances,
		// Everything runs on this machine, which may be busy. The default of 50
		// milliseconds is for a Redis with a machine of its own.
		Timeout: time.Second,
	})
	return err
}

// openState keeps the sessions and keys: in the other Redis, or in SQL.
func (st *stores) openState(ctx context.Context, s settings, logger *slog.Logger) error {
	var state interface {
		Sessions() session.Store
		Keys() apikey.Store
		sweeper
	}
	if s.SQL != "" {
		inSQL, err := sqlstore.New(ctx, st.db, sqlConfig(s))
		if err != nil {
			return err
		}
		state = inSQL
	} else {
		var err error
		if st.state, err = connect(s.State); err != nil {
			return err
		}
		state, err = redisstore.New(ctx, redisstore.Config{
			Client: redisstore.Rueidis(st.state), Secrets: [][]byte{s.Secrets.Deployment},
		})
		if err != nil {
			return err
		}
	}
	st.shared.Sessions, st.shared.Keys = state.Sessions(), state.Keys()
	st.sweepers = append(st.sweepers, state)
	return nil
}

// connect returns a client of one server. It returns a client also if the
// server does not answer yet, with the error.
func connect(s redisServer) (rueidis.Client, error) {
	return rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{s.Addr}, Password: s.Password,
		DisableCache: true, ForceSingleClient: true, ConnWriteTimeout: time.Second,
	})
}

func sqlConfig(s settings) sqlstore.Config {
	dialect := sqlstore.SQLite
	if s.SQL == "postgres" {
		dialect = sqlstore.Postgres
	}
	return sqlstore.Config{Dialect: dialect, Secrets: [][]byte{s.Secrets.Deployment}}
}

// migrate makes the tables. The fleet calls it once, before the first process.
func migrate(ctx context.Context, s settings) error {
	db, err := s.Database.open()
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return fmt.Errorf("making the tables: %w", err)
	}
	if s.SQL == "" {
		return nil
	}
	return sqlstore.Migrate(ctx, db, sqlConfig(s))
}

func (st *stores) app(s settings, logger *slog.Logger) (*documents.App, error) {
	return documents.New(documents.Config{
		BaseURL: s.BaseURL, Hosts: s.Hosts, Origins: []string{"https://app.example.com"},
		Logger: logger, Shared: &st.shared, TrustUnixSocket: true,
	})
}

// sweep deletes what has expired, once a minute.
func (st *stores) sweep(ctx context.Context, logger *slog.Logger) {
	again := time.NewTicker(time.Minute)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
		for _, one := range st.sweepers {
			if err := one.Sweep(ctx); err != nil && !errors.Is(err, context.Canceled) {
				logger.Warn("sweeping a store", "error", err.Error())
			}
		}
	}
}

func (st *stores) close() {
	for _, client := range []rueidis.Client{st.limits, st.state} {
		if client != nil {
			client.Close()
		}
	}
	if st.db != nil {
		st.db.Close()
	}
}
