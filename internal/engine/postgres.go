package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// PostgresConfig says how PostgreSQL runs. The zero value serves 100
// connections.
type PostgresConfig struct {
	// Options are settings of postgresql.conf, such as "max_connections=5".
	Options []string

	// Clock starts the server under libfaketime, so that Server.SetClock
	// can move its clock.
	Clock bool
}

// Postgres makes an empty database cluster in dir with initdb and serves it.
// Its user is "bulwark", its database "postgres". Under root it runs as the
// user postgres, or else as nobody, who then may pass through the parents of
// dir. End it with Close.
func Postgres(ctx context.Context, dir string, c PostgresConfig) (*Server, error) {
	dir, err := folder(dir, "postgres")
	if err != nil {
		return nil, err
	}
	password := newPassword()
	if err := initdb(ctx, dir, password); err != nil {
		return nil, err
	}
	return newServer(ctx, postgresKind{c.Options}, dir, password, c.Clock)
}

// initdb makes the files of the database cluster in dir/files.
func initdb(ctx context.Context, dir, password string) error {
	programs, err := locate(PostgresServer)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	// The folder is open to its owner only, so that the file in it is a
	// secret.
	secret := filepath.Join(dir, "password")
	if err := errors.Join(os.Chmod(dir, 0o700), os.WriteFile(secret, []byte(password+"\n"), 0o644)); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	defer os.Remove(secret)
	cmd := exec.CommandContext(ctx, filepath.Join(programs, "initdb"), "--pgdata="+filepath.Join(dir, "files"),
		"--username=bulwark", "--auth=scram-sha-256", "--pwfile="+secret, "--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions")
	cmd.Dir = dir
	if err := own(dir, cmd); err != nil {
		return err
	}
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("engine: initdb: %w: %s", err, tail(string(text)))
	}
	return nil
}

// postgresKind is postgres with these settings.
type postgresKind struct{ options []string }

func (k postgresKind) command(s *Server, port int) (*exec.Cmd, error) {
	programs, err := locate(PostgresServer)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(programs, "postgres"), "-D", filepath.Join(s.dir, "files"))
	for _, option := range append([]string{
		"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(port), "unix_socket_directories=",
		"fsync=off", "shared_buffers=32MB", "autovacuum_naptime=60", "log_min_messages=warning",
		"timezone=UTC", "dynamic_shared_memory_type=mmap",
	}, k.options...) {
		cmd.Args = append(cmd.Args, "-c", option)
	}
	cmd.Dir = s.dir
	return cmd, own(s.dir, cmd)
}

// ready reads the file in which the process writes its id and its state: the
// state is the eighth line, and is "ready" after the port was bound.
func (postgresKind) ready(_ context.Context, s *Server, pid int) error {
	text, err := os.ReadFile(filepath.Join(s.dir, "files", "postmaster.pid"))
	if err != nil {
		return err
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 8 || lines[0] != strconv.Itoa(pid) || strings.TrimSpace(lines[7]) != "ready" {
		return errors.New("PostgreSQL is not ready")
	}
	return nil
}

func (postgresKind) url(s *Server) string {
	return "postgres://bulwark:" + s.pass + "@" + s.Addr() + "/postgres?sslmode=disable"
}

func (postgresKind) ending() os.Signal { return quit() }
