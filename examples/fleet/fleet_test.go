package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/internal/engine"
)

// asFleet makes the test binary the program.
const asFleet = "FLEET_TEST_RUNS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asFleet) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// patience is for a machine that does other work as well.
const longPatience = 2 * time.Minute

// A program is the fleet, running.
type program struct {
	*client
	t         *testing.T
	cmd       *exec.Cmd
	processes []*client
	password  string
	keys      map[string]string

	mu     sync.Mutex
	stderr []string
	ended  chan struct{} // closed when stdout and stderr have ended
}

func command(t *testing.T, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asFleet+"=1")
	return cmd
}

// start runs the program until the test ends.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	engine.Need(t, engine.RedisServer)
	p := &program{t: t, cmd: command(t, append([]string{"-addr=127.0.0.1:0"}, args...)...), keys: map[string]string{}, ended: make(chan struct{})}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	log := make(chan struct{})
	go func() {
		defer close(log)
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			p.mu.Lock()
			p.stderr = append(p.stderr, lines.Text())
			p.mu.Unlock()
		}
	}()
	out := bufio.NewScanner(stdout)
	for p.client == nil && out.Scan() {
		p.read(out.Text())
	}
	go func() {
		io.Copy(io.Discard, stdout)
		<-log
		close(p.ended)
	}()
	t.Cleanup(p.stop)
	if p.client == nil {
		t.Fatalf("the fleet did not say where it listens: %q", p.log())
	}
	return p
}

// read takes what the program prints about itself.
func (p *program) read(line string) {
	field := strings.Fields(line)
	switch {
	case strings.HasPrefix(line, "listening on "):
		p.client = newClient(field[2])
	case strings.HasPrefix(line, "process "):
		p.processes = append(p.processes, newClient(field[3]))
	case strings.HasPrefix(line, "accounts, "):
		p.password, _ = strconv.Unquote(field[len(field)-1][:len(field[len(field)-1])-1])
	case len(field) == 2 && strings.HasPrefix(field[1], "docs_live_"):
		p.keys[field[0]] = field[1]
	}
}

func (p *program) log() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.stderr...)
}

// stop ends the program as Ctrl-C does, and waits for everything that holds its
// stderr.
func (p *program) stop() {
	p.cmd.Process.Signal(os.Interrupt)
	p.wait()
}

func (p *program) wait() {
	select {
	case <-p.ended:
	case <-time.After(longPatience):
		p.t.Errorf("the fleet does not end: %q", p.log())
		p.cmd.Process.Kill()
	}
	p.cmd.Wait()
}

func (p *program) ask(c *client, method, path string, body any, header ...[2]string) reply {
	p.t.Helper()
	got, err := c.do(p.t.Context(), method, path, body, header...)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	return got
}

// want asserts a status at every process.
func (p *program) want(status int, what string, credential [2]string) {
	p.t.Helper()
	for i, c := range p.processes {
		if got := p.ask(c, "GET", "/documents", nil, credential); got.status != status {
			p.t.Errorf("%s at process %d: %v, want %d", what, i+1, got.unexpected(), status)
		}
	}
}

func (p *program) loginAt(c *client, name string) login {
	p.t.Helper()
	l, err := c.login(p.t.Context(), name, p.password)
	if err != nil {
		p.t.Fatal(err)
	}
	return l
}

func TestWhatHoldsAtAllProcesses(t *testing.T) {
	for _, sql := range []string{"", "sqlite", "postgres"} {
		name := sql
		if name == "" {
			name = "redis"
		}
		t.Run(name, func(t *testing.T) {
			if sql == "postgres" {
				engine.Need(t, engine.PostgresServer)
			}
			p := start(t, "-sql="+sql)
			one, two, three := p.processes[0], p.processes[1], p.processes[2]
			t.Run("login_and_logout", func(t *testing.T) { p.logins(one, two, three) })
			t.Run("used_refresh_token", func(t *testing.T) { p.usedToken(one, two, three) })
			t.Run("documents", func(t *testing.T) { p.documents(one, two, three) })
			t.Run("revoked_key", func(t *testing.T) { p.revokedKey(one, two) })
			t.Run("closed_account", func(t *testing.T) { p.closedAccount(one, two, three) })
			t.Run("limit", func(t *testing.T) { p.limit() })
		})
	}
}

func (p *program) logins(one, two, three *client) {
	alice := p.loginAt(one, "alice")
	p.want(200, "a login made at process 1", alice.cookie())
	other := p.loginAt(two, "alice")
	if err := three.logout(p.t.Context(), alice); err != nil {
		p.t.Fatal(err)
	}
	p.want(401, "a login ended at process 3", alice.cookie())
	p.want(200, "another login of the same person", other.cookie())
}

// usedToken uses a refresh token after its successor was used: somebody else
// has a copy, and the session ends.
func (p *program) usedToken(one, two, three *client) {
	first := p.loginAt(one, "mallory")
	last := first
	for _, c := range []*client{two, three} {
		got, err := c.renew(p.t.Context(), last)
		if err != nil || got.status != 200 {
			p.t.Fatal(err, got.unexpected())
		}
		last = login{got.cookies[accessCookie], got.cookies[refreshCookie]}
	}
	p.want(200, "a login refreshed at processes 2 and 3", last.cookie())
	if got, err := one.renew(p.t.Context(), first); err != nil || got.status != 401 {
		p.t.Errorf("a refresh token that was used twice at other processes: %v %v, want 401", err, got.unexpected())
	}
	p.want(401, "the session of a refresh token that two people have", last.cookie())
}

func (p *program) documents(one, two, three *client) {
	alice := p.loginAt(one, "alice")
	made := p.ask(two, "POST", "/documents", map[string]string{"title": "T", "content": "<p>c</p>"}, alice.cookie())
	path := made.header.Get("Location")
	if made.status != 201 {
		p.t.Fatal(made.unexpected())
	}
	if got := p.ask(three, "GET", path, nil, alice.cookie()); got.status != 200 || got.body["title"] != "T" {
		p.t.Errorf("a document made at process 2, at process 3: %v", got.unexpected())
	}
	if got := p.ask(one, "PATCH", path, map[string]string{"title": "U"}, alice.cookie()); got.status != 200 || got.body["title"] != "U" {
		p.t.Errorf("a change at process 1: %v", got.unexpected())
	}
	if got := p.ask(two, "GET", path, nil, alice.cookie()); got.body["title"] != "U" {
		p.t.Errorf("a document changed at process 1, at process 2: %v", got.body)
	}
	if got := p.ask(three, "GET", path, nil, p.loginAt(two, "mallory").cookie()); got.status != 404 {
		p.t.Errorf("a document of somebody else: %v, want 404", got.unexpected())
	}
}

func (p *program) revokedKey(one, two *client) {
	root := p.loginAt(one, "root")
	made := p.ask(one, "POST", "/admin/keys", map[string]string{"name": "k", "tier": "enterprise"}, root.cookie())
	key, _ := made.body["key"].(string)
	p.want(200, "a key made at process 1", apiKey(key))
	if got := p.ask(two, "DELETE", fmt.Sprint("/admin/keys/", made.body["id"]), nil, root.cookie()); got.status != 204 {
		p.t.Fatal(got.unexpected())
	}
	p.want(401, "a key revoked at process 2", apiKey(key))
}

func (p *program) closedAccount(one, two, three *client) {
	signUp := map[string]string{"email": "carol@example.com", "password": p.password, "name": "Carol"}
	made := p.ask(one, "POST", "/users", signUp)
	if again := p.ask(two, "POST", "/users", signUp); made.status != 201 || again.status != 409 {
		p.t.Fatalf("sign-up: %v, again at process 2: %v, want 409", made.unexpected(), again.unexpected())
	}
	carol := p.loginAt(two, "carol")
	p.want(200, "a person who has signed up", carol.cookie())
	if got := p.ask(three, "DELETE", fmt.Sprint("/admin/users/", made.body["id"]), nil, p.loginAt(one, "root").cookie()); got.status != 204 {
		p.t.Fatal(got.unexpected())
	}
	p.want(401, "a person whose account was closed at process 3", carol.cookie())
	if _, err := one.login(p.t.Context(), "carol", p.password); err == nil {
		p.t.Error("a closed account logs in at process 1")
	}
}

// limit asks all processes at once with one key of 100 requests a minute.
func (p *program) limit() {
	began := time.Now()
	var mu sync.Mutex
	var asking sync.WaitGroup
	passed, refused := 0, 0
	for _, c := range p.processes {
		for range 4 {
			asking.Go(func() {
				for range 15 {
					got, err := c.do(p.t.Context(), "GET", "/documents", nil, apiKey(p.keys["default"]))
					mu.Lock()
					switch {
					case err == nil && got.status == 200:
						passed++
					case err == nil && got.status == 429:
						refused++
					default:
						p.t.Errorf("%v %v", err, got.unexpected())
					}
					mu.Unlock()
				}
			})
		}
	}
	asking.Wait()
	most := burst + int(time.Since(began).Seconds()*perSecond) + 1
	if passed < burst || passed > most || passed+refused != 180 {
		p.t.Errorf("%d requests passed at three processes, and %d were refused; want %d to %d to pass", passed, refused, burst, most)
	}
}

// Only the proxy may say who the client is, and it says so itself.
func TestNobodyNamesAnotherClient(t *testing.T) {
	p := start(t, "-n=1")
	for name, c := range map[string]*client{"the proxy": p.client, "a process": p.processes[0]} {
		got := p.ask(c, "GET", "/documents", nil, [2]string{"X-Forwarded-For", "203.0.113.9"}, apiKey("docs_live_unknown"))
		if got.status != 401 {
			t.Fatalf("an unknown key at %s: %v", name, got.unexpected())
		}
		if ip := p.event(got.header.Get("X-Request-Id"))["ip"]; ip != "127.0.0.1" {
			t.Errorf("a client who names another one at %s has the address %v", name, ip)
		}
	}
	if p.password == "correct horse battery staple" || len(p.password) < 20 {
		t.Errorf("the password of the seeded accounts is known: %s", p.password)
	}
	for _, line := range p.log() {
		if strings.Contains(line, p.password) || strings.Contains(line, p.keys["default"]) {
			t.Errorf("the log has a secret: %s", line)
		}
	}
}

// event waits for the event of a request.
func (p *program) event(id string) map[string]any {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), longPatience)
	defer cancel()
	var found map[string]any
	err := until(ctx, func() bool {
		for _, line := range p.log() {
			var event map[string]any
			if json.Unmarshal([]byte(line), &event) == nil && event["requestId"] == id {
				found = event
			}
		}
		return found != nil
	})
	if err != nil {
		p.t.Fatalf("no event of request %s", id)
	}
	return found
}

// A process that dies is replaced, and what it had is at the others.
func TestADeadProcessIsReplaced(t *testing.T) {
	p := start(t, "-n=2")
	alice := p.loginAt(p.processes[0], "alice")
	before := p.children(processArgument)
	if len(before) != 2 {
		t.Fatalf("%d processes run, want 2", len(before))
	}
	for _, pid := range before {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	// The listeners stay open, so these requests wait for the new processes.
	p.want(200, "a login whose process was killed", alice.cookie())
	for _, pid := range p.children(processArgument) {
		if pid == before[0] || pid == before[1] {
			t.Errorf("process %d was killed and runs", pid)
		}
	}
}

// However the program ends, nothing that it has started goes on.
func TestNothingOutlivesTheProgram(t *testing.T) {
	for _, test := range []struct {
		name   string
		signal syscall.Signal
		code   int
	}{{"Ctrl-C", syscall.SIGINT, 0}, {"SIGTERM", syscall.SIGTERM, 0}, {"kill_-9", syscall.SIGKILL, -1}} {
		t.Run(test.name, func(t *testing.T) {
			p := start(t)
			started := p.children("")
			if len(started) != 5 { // three processes and two Redis servers
				t.Fatalf("%d children, want 5", len(started))
			}
			p.cmd.Process.Signal(test.signal)
			p.wait()
			if code := p.cmd.ProcessState.ExitCode(); code != test.code {
				t.Errorf("exit status %d, want %d: %q", code, test.code, p.log())
			}
			ctx, cancel := context.WithTimeout(t.Context(), longPatience)
			defer cancel()
			for _, pid := range started {
				if until(ctx, func() bool { return !runs(pid) }) != nil {
					t.Errorf("child %d outlives the program", pid)
				}
			}
		})
	}
}

// children returns the processes that the program has started and that have the
// text in their arguments.
func (p *program) children(text string) (pids []int) {
	p.t.Helper()
	if runtime.GOOS != "linux" {
		p.t.Skip("reads /proc, which only Linux has")
	}
	found, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		p.t.Fatal(err)
	}
	for _, file := range found {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if _, parent := stat(pid); parent != p.cmd.Process.Pid {
			continue
		}
		if arguments, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && bytes.Contains(arguments, []byte(text)) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func runs(pid int) bool {
	state, _ := stat(pid)
	return state != "" && state != "Z"
}

// stat returns the state and the parent of a process, see proc_pid_stat(5).
func stat(pid int) (state string, parent int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0
	}
	field := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	parent, _ = strconv.Atoi(field[1])
	return field[0], parent
}

func TestKill(t *testing.T) {
	for _, sql := range []string{"", "postgres"} {
		t.Run("sql="+sql, func(t *testing.T) {
			engine.Need(t, engine.RedisServer)
			stages := []string{"nothing", "process 3 was killed", "the Redis of the sessions and keys was killed", "the Redis of the limits was away"}
			if sql != "" {
				engine.Need(t, engine.PostgresServer)
				stages[2] = "PostgreSQL was killed"
			}
			cmd := command(t, "-addr=127.0.0.1:0", "-kill", "-sql="+sql)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v: %s\n%s", err, stdout.String(), lastLine(stderr.String()))
			}
			for _, want := range append(stages, "declared: at most 7s", "no wrong answer, no lost login") {
				if !strings.Contains(stdout.String(), want) {
					t.Errorf("the output does not say %q:\n%s", want, stdout.String())
				}
			}
		})
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

func TestWrongStarts(t *testing.T) {
	for _, test := range []struct{ name, args, want string }{
		{"no Redis", "-addr=127.0.0.1:0", "install redis-server (apt-get install redis-server)"},
		{"argument", "false", "unexpected argument"},
		{"no process", "-n=0", "-n: write a number from 1 to 9"},
		{"too many processes", "-n=10", "-n: write a number from 1 to 9"},
		{"unknown database", "-sql=mysql", `-sql: write "sqlite" or "postgres"`},
		{"every interface", "-addr=:0", "write a loopback address"},
		{"address", "-addr=nowhere", "nowhere"},
	} {
		t.Run(strings.ReplaceAll(test.name, " ", "_"), func(t *testing.T) {
			cmd := command(t, strings.Fields(test.args)...)
			cmd.Env = append(cmd.Env, "PATH="+t.TempDir()) // nothing is installed
			text, err := cmd.CombinedOutput()
			if err == nil || cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(text), test.want) {
				t.Errorf("%v: %s, want exit status 1 and %q", err, text, test.want)
			}
		})
	}
}
