package engine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// RedisConfig says how a Redis server runs. The zero value keeps everything in
// memory, evicts nothing and writes no file.
type RedisConfig struct {
	// Options are lines of redis.conf, such as "maxmemory 32mb",
	// "maxmemory-policy volatile-ttl" or "appendonly yes". They stand after
	// the lines of this package, so that they win.
	Options []string

	// Clock starts the server under libfaketime, so that Server.SetClock
	// can move its clock.
	Clock bool
}

// Redis starts redis-server with its files in dir. End it with Close.
func Redis(ctx context.Context, dir string, c RedisConfig) (*Server, error) {
	return redisNode(ctx, dir, newPassword(), c)
}

func redisNode(ctx context.Context, dir, password string, c RedisConfig) (*Server, error) {
	dir, err := folder(dir, "redis")
	if err != nil {
		return nil, err
	}
	return newServer(ctx, redisKind{c.Options, false}, dir, password, c.Clock)
}

// redisKind is redis-server with these lines of configuration.
type redisKind struct {
	options  []string
	sentinel bool
}

func (k redisKind) command(s *Server, port int) (*exec.Cmd, error) {
	path, err := locate(RedisServer)
	if err != nil {
		return nil, err
	}
	lines := []string{
		"bind 127.0.0.1", "port " + strconv.Itoa(port), "protected-mode yes",
		"requirepass " + s.pass, "daemonize no", `logfile ""`, "dir " + strconv.Quote(s.dir),
	}
	if !k.sentinel {
		lines = append(lines, "masterauth "+s.pass, `save ""`, "appendonly no", "maxmemory-policy noeviction", "shutdown-timeout 0")
	}
	// Options a caller leaves empty are not lines.
	for _, option := range k.options {
		if option = strings.TrimSpace(option); option != "" {
			lines = append(lines, option)
		}
	}
	file := filepath.Join(s.dir, "redis.conf")
	// Sentinel writes into its file and into those of its servers who the
	// primary is. A restart reads it there.
	if s.process == nil {
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			return nil, fmt.Errorf("engine: write redis.conf: %w", err)
		}
	}
	cmd := exec.Command(path, file)
	if k.sentinel {
		cmd.Args = append(cmd.Args, "--sentinel")
	}
	cmd.Dir = s.dir
	return cmd, nil
}

// ready asks the server for its process id. It answers nobody without the
// password, and a stranger's server has another id.
func (redisKind) ready(ctx context.Context, s *Server, pid int) error {
	reply, err := s.Do(ctx, "INFO")
	if err != nil {
		return err
	}
	text, _ := reply.(string)
	if !strings.Contains(text, "process_id:"+strconv.Itoa(pid)+"\r\n") {
		return fmt.Errorf("another server answers at %s", s.Addr())
	}
	if strings.Contains(text, "loading:1\r\n") {
		return fmt.Errorf("the server still loads its data")
	}
	return nil
}

func (redisKind) url(s *Server) string { return "redis://:" + s.pass + "@" + s.Addr() + "/0" }
func (redisKind) ending() os.Signal    { return terminate() }
