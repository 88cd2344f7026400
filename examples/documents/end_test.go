package main_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long the program may take on a machine that does other work,
// too. What these tests look for never ends at all.
const patience = 2 * time.Minute

// on runs the program with a stderr of the test's own and returns it and where
// it listens.
func on(t *testing.T, stderr *os.File) (cmd *exec.Cmd, url string) {
	t.Helper()
	cmd = exec.Command(binary, "-addr=127.0.0.1:0")
	cmd.Stderr = stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stderr.Close()
	t.Cleanup(func() { cmd.Process.Kill() })
	late := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer late.Stop()
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if _, at, ok := strings.Cut(lines.Text(), "listening on "); ok {
			return cmd, at
		}
	}
	t.Fatal("the program did not say where it listens")
	return nil, ""
}

// ends waits for the end of the program.
func ends(t *testing.T, cmd *exec.Cmd) syscall.WaitStatus {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-ended:
		return cmd.ProcessState.Sys().(syscall.WaitStatus)
	case <-time.After(patience):
		t.Fatal("the program does not end")
		return 0
	}
}

// refuse sends requests that each leave a record.
func refuse(t *testing.T, url string) {
	t.Helper()
	for range 5 {
		res, err := http.Get(url + "/documents")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("status %d", res.StatusCode)
		}
	}
}

// Nobody reads stderr, and the pipe is full: no write to it ever returns.
func TestCaseEx6AStopEndsWhileNobodyReadsStderr(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, url string){
		"orderly":               func(*testing.T, string) {},
		"with_records_to_write": refuse,
		"with_a_client_cut_off": func(t *testing.T, url string) { refuse(t, url); stall(t, url) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pipe := filepath.Join(t.TempDir(), "stderr")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			open := func(flag int) *os.File {
				f, err := os.OpenFile(pipe, flag, 0)
				if err != nil {
					t.Fatal(err)
				}
				return f
			}
			unread := open(os.O_RDWR | syscall.O_NONBLOCK) // open for reading, and never read
			defer unread.Close()
			cmd, url := on(t, open(os.O_WRONLY))
			unread.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
			if _, err := unread.Write(make([]byte, 1<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("filling the pipe: %v", err)
			}
			prepare(t, url)
			cmd.Process.Signal(syscall.SIGTERM)
			if status := ends(t, cmd); status.Signaled() {
				t.Errorf("ended by %v", status.Signal())
			}
		})
	}
}

// stall sends a request that never ends.
func stall(t *testing.T, url string) {
	t.Helper()
	login, err := http.Post(url+"/api/auth/login", "application/json", strings.NewReader(`{"email":"alice@example.com","password":"`+password+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	login.Body.Close()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	var cookie string
	for _, c := range login.Cookies() {
		if c.Name == "__Host-access" {
			cookie = c.Name + "=" + c.Value
		}
	}
	fmt.Fprintf(conn, "POST /documents HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\nContent-Type: application/json\r\nContent-Length: 20\r\nExpect: 100-continue\r\n\r\n", cookie)
	// The answer shows that a handler waits for the body.
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "100") {
		t.Fatalf("%q %v", line, err)
	}
}

func TestCaseEx6ASecondSignalKills(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			cmd, url := on(t, null)
			stall(t, url)
			done := make(chan struct{})
			go func() { // the first is taken, and some later one kills
				for {
					cmd.Process.Signal(signal)
					select {
					case <-done:
						return
					case <-time.After(20 * time.Millisecond):
					}
				}
			}()
			status := ends(t, cmd)
			close(done)
			if !status.Signaled() || status.Signal() != signal {
				t.Errorf("ended with status %d, want the end by %v", status.ExitStatus(), signal)
			}
		})
	}
}

// Who reads stderr ends, and the service goes on.
func TestCaseEx7TheEndOfALogReaderEndsNothing(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd, url := on(t, w)
	r.Close()
	for range 3 {
		refuse(t, url)
	}
	// Stopping writes every record that is left, so that each has been tried.
	cmd.Process.Signal(syscall.SIGTERM)
	if status := ends(t, cmd); status.Signaled() {
		t.Errorf("ended by %v", status.Signal())
	}
}
