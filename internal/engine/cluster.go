package engine

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Cluster is a Redis Cluster of three primaries without replicas.
type Cluster struct {
	Servers []*Server // the first has the lowest slots
}

// slots are all slots of a Redis Cluster.
const slots = 16384

// RedisCluster starts a Cluster with its files in dir, and waits until each of
// its servers says that the Cluster is whole. End it with Close.
func RedisCluster(ctx context.Context, dir string, c RedisConfig) (*Cluster, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	cluster, password := &Cluster{}, newPassword()
	c.Options = append([]string{"cluster-enabled yes", "cluster-node-timeout 5000"}, c.Options...)
	for i := range 3 {
		path, err := folder(dir, "node"+strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		s, err := redisNode(ctx, path, password, c)
		if err != nil {
			cluster.Close()
			return nil, err
		}
		cluster.Servers = append(cluster.Servers, s)
	}
	if err := cluster.join(ctx); err != nil {
		cluster.Close()
		return nil, err
	}
	return cluster, nil
}

// join gives each server its slots, makes the servers known to each other and
// waits until the Cluster is whole.
func (c *Cluster) join(ctx context.Context) error {
	n := len(c.Servers)
	for i, s := range c.Servers {
		first, last := strconv.Itoa(i*slots/n), strconv.Itoa((i+1)*slots/n-1)
		if _, err := s.Do(ctx, "CLUSTER", "ADDSLOTSRANGE", first, last); err != nil {
			return err
		}
		if _, err := s.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1)); err != nil {
			return err
		}
	}
	for _, s := range c.Servers[1:] {
		if _, err := c.Servers[0].Do(ctx, "CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(s.port)); err != nil {
			return err
		}
	}
	return c.Wait(ctx)
}

// Wait waits until each server says that all servers are known and all slots
// are served.
func (c *Cluster) Wait(ctx context.Context) error {
	return poll(ctx, "the Cluster is whole", func() bool {
		for _, s := range c.Servers {
			reply, err := s.Do(ctx, "CLUSTER", "INFO")
			text, _ := reply.(string)
			if err != nil || !strings.Contains(text, "cluster_state:ok") ||
				!strings.Contains(text, "cluster_known_nodes:"+strconv.Itoa(len(c.Servers))+"\r\n") {
				return false
			}
		}
		return true
	})
}

// Addrs returns the addresses of all servers.
func (c *Cluster) Addrs() []string { return addrs(c.Servers) }

// Password returns the password that each server demands.
func (c *Cluster) Password() string { return c.Servers[0].pass }

// Close ends all servers.
func (c *Cluster) Close() { closeAll(c.Servers) }

func addrs(servers []*Server) []string {
	all := make([]string, len(servers))
	for i, s := range servers {
		all[i] = s.Addr()
	}
	return all
}

func closeAll(servers []*Server) {
	for _, s := range servers {
		s.Close()
	}
}

// poll asks until holds, or until ctx ends.
func poll(ctx context.Context, what string, holds func() bool) error {
	for !holds() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("engine: wait until %s: %w", what, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}
