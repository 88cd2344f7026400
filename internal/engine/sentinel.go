package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// PrimaryName is the name under which Sentinel knows the primary.
const PrimaryName = "primary"

// A Sentinel is a primary, its replica and the Sentinel process that watches
// them. All three have the same password.
type Sentinel struct {
	Servers []*Server // the first is the primary at the start, the second its replica
	Watcher *Server   // the Sentinel process
}

// RedisSentinel starts a primary, a replica and Sentinel with their files in
// dir, and waits until the replica follows the primary and Sentinel knows both.
// Sentinel takes a primary that is silent for 30 seconds as lost; Failover does
// not wait for it. End them with Close.
func RedisSentinel(ctx context.Context, dir string, c RedisConfig) (*Sentinel, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	s := &Sentinel{}
	if err := s.start(ctx, dir, c); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Sentinel) start(ctx context.Context, dir string, c RedisConfig) error {
	password := newPassword()
	// A replica that has just connected gets its data at once, not in five
	// seconds.
	common := append([]string{"repl-diskless-sync-delay 0", "repl-timeout 60"}, c.Options...)
	for i, name := range []string{"primary", "replica"} {
		path, err := folder(dir, name)
		if err != nil {
			return err
		}
		own := c
		own.Options = common
		if i == 1 {
			own.Options = append([]string{"replicaof 127.0.0.1 " + strconv.Itoa(s.Servers[0].port)}, common...)
		}
		server, err := redisNode(ctx, path, password, own)
		if err != nil {
			return err
		}
		s.Servers = append(s.Servers, server)
	}
	path, err := folder(dir, "sentinel")
	if err != nil {
		return err
	}
	s.Watcher, err = newServer(ctx, redisKind{[]string{
		fmt.Sprintf("sentinel monitor %s 127.0.0.1 %d 1", PrimaryName, s.Servers[0].port),
		"sentinel auth-pass " + PrimaryName + " " + password,
		"sentinel down-after-milliseconds " + PrimaryName + " 30000",
		"sentinel failover-timeout " + PrimaryName + " 10000",
	}, true}, path, password, false)
	if err != nil {
		return err
	}
	return poll(ctx, "Sentinel knows the replica", func() bool { return s.follows(ctx, s.Servers[1]) && s.knows(ctx) })
}

// follows reports whether the server is a replica that has all data.
func (s *Sentinel) follows(ctx context.Context, server *Server) bool {
	reply, err := server.Do(ctx, "INFO", "replication")
	text, _ := reply.(string)
	return err == nil && strings.Contains(text, "role:slave") && strings.Contains(text, "master_link_status:up")
}

// knows reports whether Sentinel has a replica that it may promote.
func (s *Sentinel) knows(ctx context.Context) bool {
	reply, err := s.Watcher.Do(ctx, "SENTINEL", "REPLICAS", PrimaryName)
	list, _ := reply.([]any)
	if err != nil || len(list) == 0 {
		return false
	}
	fields, _ := list[0].([]any)
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] == "slave-priority" || fields[i] == "master-link-status" && fields[i+1] != "ok" {
			return fields[i] == "slave-priority"
		}
	}
	return false
}

// Addrs returns the address of the Sentinel process, for a client that asks it
// for the primary.
func (s *Sentinel) Addrs() []string { return []string{s.Watcher.Addr()} }

// Password returns the password that the servers and Sentinel demand.
func (s *Sentinel) Password() string { return s.Watcher.pass }

// Primary returns the server that Sentinel names as the primary.
func (s *Sentinel) Primary(ctx context.Context) (*Server, error) {
	reply, err := s.Watcher.Do(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", PrimaryName)
	if err != nil {
		return nil, err
	}
	if pair, _ := reply.([]any); len(pair) == 2 {
		host, _ := pair[0].(string)
		port, _ := pair[1].(string)
		for _, server := range s.Servers {
			if server.Addr() == net.JoinHostPort(host, port) {
				return server, nil
			}
		}
	}
	return nil, errors.New("engine: Sentinel names no primary of ours")
}

// Failover makes the replica the primary, whether the old primary runs or not,
// and waits until it serves writes. What the old primary had not yet sent to it
// is lost. It returns the new primary.
func (s *Sentinel) Failover(ctx context.Context) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	old, err := s.Primary(ctx)
	if err != nil {
		return nil, err
	}
	// Sentinel refuses while it has no fresh word from the replica.
	var refused error
	if err := poll(ctx, "Sentinel begins a failover", func() bool {
		_, refused = s.Watcher.Do(ctx, "SENTINEL", "FAILOVER", PrimaryName)
		return refused == nil
	}); err != nil {
		return nil, errors.Join(err, refused)
	}
	var now *Server
	if err := poll(ctx, "the replica is the primary", func() bool {
		now, err = s.Primary(ctx)
		if err != nil || now == old {
			return false
		}
		reply, err := now.Do(ctx, "INFO", "replication")
		text, _ := reply.(string)
		return err == nil && strings.Contains(text, "role:master")
	}); err != nil {
		return nil, err
	}
	return now, nil
}

// Close ends Sentinel, the primary and the replica.
func (s *Sentinel) Close() {
	if s.Watcher != nil {
		s.Watcher.Close()
	}
	closeAll(s.Servers)
}
