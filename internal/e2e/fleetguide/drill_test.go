package fleetguide

import (
	"bufio"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/bulwark-go/bulwark/internal/engine"
)

const begin = `
cd examples/fleet
go run .
`

const drill = `
cd examples/fleet
go run . -kill
`

// The first command of the page serves until Ctrl-C.
func TestTheFirstCommand(t *testing.T) {
	engine.Need(t, engine.RedisServer)
	// Somebody else may listen on port 8080 of this machine.
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", strings.Replace(begin, "go run .", "go run . -addr=127.0.0.1:0", 1))
	cmd.Dir = "../../.."
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	listening := false
	for out := bufio.NewScanner(stdout); out.Scan(); {
		if strings.HasPrefix(out.Text(), "listening on http://127.0.0.1:") {
			listening = true
			syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) // Ctrl-C reaches the whole group
		}
	}
	cmd.Wait()
	if !listening {
		t.Error("the fleet does not say where it listens")
	}
}

func TestTheDrill(t *testing.T) {
	engine.Need(t, engine.RedisServer)
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", drill)
	cmd.Dir = "../../.."
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !strings.Contains(string(text), "no wrong answer, no lost login") {
		t.Errorf("%s", text)
	}
}
