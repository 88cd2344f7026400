package engine

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A Program is what must be installed before an engine can start.
type Program string

const (
	// RedisServer is redis-server of Redis 7 or later, which also runs as
	// Sentinel.
	RedisServer Program = "redis-server"
	// PostgresServer is initdb and postgres of PostgreSQL 13 or later.
	PostgresServer Program = "postgres"
	// Faketime is libfaketime, which moves the clock of a server.
	Faketime Program = "faketime"
)

// install says for each program which package has it, and which variable
// demands it.
var install = map[Program]struct{ text, variable string }{
	RedisServer:    {"install redis-server (apt-get install redis-server)", "BULWARK_REDIS"},
	PostgresServer: {"install PostgreSQL (apt-get install postgresql)", "BULWARK_POSTGRES"},
	Faketime:       {"install libfaketime (apt-get install faketime)", "BULWARK_REDIS"},
}

// An Absent says which program is missing, and what to install.
type Absent struct{ Program Program }

func (e *Absent) Error() string {
	return string(e.Program) + " is missing: " + install[e.Program].text
}

// A T is the part of testing.TB that [Need] uses.
type T interface {
	Helper()
	Skip(args ...any)
	Fatal(args ...any)
}

// Need skips the test when one of the programs is missing, with a sentence that
// says what to install. The test fails instead when BULWARK_REDIS (for
// RedisServer and Faketime) or BULWARK_POSTGRES (for PostgresServer) is
// "required".
func Need(t T, programs ...Program) {
	t.Helper()
	for _, p := range programs {
		_, err := locate(p)
		if err == nil {
			continue
		}
		if os.Getenv(install[p].variable) == "required" {
			t.Fatal(fmt.Sprintf("%v, and %s is required", err, install[p].variable))
		}
		t.Skip(err.Error())
	}
}

// locate returns the path of the program, of the folder that holds initdb and
// postgres, or of the library of faketime.
func locate(p Program) (string, error) {
	switch p {
	case RedisServer:
		if path, err := exec.LookPath("redis-server"); err == nil {
			return path, nil
		}
	case PostgresServer:
		if folder := postgresFolder(); folder != "" {
			return folder, nil
		}
	case Faketime:
		for _, pattern := range []string{
			"/usr/lib/*/faketime/libfaketimeMT.so.1",
			"/usr/lib*/faketime/libfaketimeMT.so.1",
			"/usr/local/lib/faketime/libfaketimeMT.so.1",
		} {
			if found, _ := filepath.Glob(pattern); len(found) > 0 {
				return found[0], nil
			}
		}
	}
	return "", &Absent{p}
}

// postgresFolder returns the folder of initdb and postgres. Debian keeps both
// out of PATH, in one folder a version.
func postgresFolder() string {
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(folders, func(a, b string) int { // 15 before 9.6, newest first
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(b, a)
	})
	if path, err := exec.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			folders = append([]string{filepath.Dir(real)}, folders...)
		}
	}
	folders = append(folders, "/usr/local/pgsql/bin")
	for _, folder := range folders {
		if runnable(folder, "initdb") && runnable(folder, "postgres") {
			return folder
		}
	}
	return ""
}

func runnable(folder, name string) bool {
	_, err := exec.LookPath(filepath.Join(folder, name))
	return err == nil
}
