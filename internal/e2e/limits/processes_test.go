package limits

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
)

// A tally is what the requests of one process have come to.
type tally struct{ Passed, Refused, Errors int }

const (
	processes = 4
	asked     = 100 // requests of each process
	atOnce    = 10  // of them at a time
)

// client is the main function of a process that asks one limiter, and that the
// tests start. It writes a line when it is connected, and asks when it reads a
// line.
func client() {
	limit, err := strconv.Atoi(os.Getenv("LIMITS_LIMIT"))
	if err != nil {
		panic(err)
	}
	for _, p := range peers {
		if p.name != os.Getenv("LIMITS_PEER") {
			continue
		}
		l, err := p.open(opening{addr: os.Getenv("LIMITS_ADDR"), password: os.Getenv("LIMITS_PASSWORD"), limit: limit, name: os.Getenv("LIMITS_NAME")})
		if err != nil {
			panic(err)
		}
		if _, _, err := l.allow("warm"); err != nil {
			panic(err)
		}
		fmt.Println("ready")
		bufio.NewReader(os.Stdin).ReadString('\n')
		json.NewEncoder(os.Stdout).Encode(ask(l))
		l.end()
	}
}

// ask sends the requests of one process for the hot key.
func ask(l *opened) (t tally) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for range asked / atOnce {
				ok, _, err := l.allow("hot")
				mu.Lock()
				switch {
				case err != nil:
					t.Errors++
				case ok:
					t.Passed++
				default:
					t.Refused++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return t
}

// together runs the processes of a limiter against one hot key, and returns
// what they have come to together.
func together(t *testing.T, p peer, o opening) (sum tally) {
	t.Helper()
	type running struct {
		cmd *exec.Cmd
		in  io.WriteCloser
		out *bufio.Reader
	}
	var all []running
	for range processes {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "LIMITS_PEER="+p.name, "LIMITS_ADDR="+o.addr, "LIMITS_PASSWORD="+o.password, "LIMITS_NAME="+o.name, "LIMITS_LIMIT="+strconv.Itoa(o.limit))
		cmd.Stderr = os.Stderr
		in, err1 := cmd.StdinPipe()
		out, err2 := cmd.StdoutPipe()
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		all = append(all, running{cmd, in, bufio.NewReader(out)})
	}
	for _, r := range all {
		if line, err := r.out.ReadString('\n'); line != "ready\n" {
			t.Fatalf("a process said %q, %v", line, err)
		}
	}
	for _, r := range all {
		io.WriteString(r.in, "go\n")
	}
	for _, r := range all {
		var one tally
		if err := json.NewDecoder(r.out).Decode(&one); err != nil {
			t.Fatal(err)
		}
		sum.Passed, sum.Refused, sum.Errors = sum.Passed+one.Passed, sum.Refused+one.Refused, sum.Errors+one.Errors
	}
	return sum
}
