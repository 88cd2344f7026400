package engine_test

import (
	"bufio"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/internal/engine"
)

// echo serves lines at a port of its own, and reports each of them.
func echo(t *testing.T) (addr string, heard <-chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	lines := make(chan string, 16)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for r := bufio.NewScanner(conn); r.Scan(); {
					lines <- r.Text()
					fmt.Fprintln(conn, r.Text())
				}
			}()
		}
	}()
	return listener.Addr().String(), lines
}

func proxy(t *testing.T, delay time.Duration) (*engine.Proxy, <-chan string) {
	t.Helper()
	addr, heard := echo(t)
	p, err := engine.NewProxy(addr, delay)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p, heard
}

type dialogue struct {
	net.Conn
	r *bufio.Reader
}

func talk(t *testing.T, p *engine.Proxy) dialogue {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return dialogue{conn, bufio.NewReader(conn)}
}

func (d dialogue) ask(line string) (string, error) {
	if _, err := fmt.Fprintln(d, line); err != nil {
		return "", err
	}
	reply, err := d.r.ReadString('\n')
	return reply, err
}

func TestProxyDelays(t *testing.T) {
	p, _ := proxy(t, 20*time.Millisecond)
	d, begin := talk(t, p), time.Now()
	if reply, err := d.ask("a"); err != nil || reply != "a\n" {
		t.Fatalf("reply %q (%v)", reply, err)
	}
	if took := time.Since(begin); took < 40*time.Millisecond {
		t.Errorf("a round trip with 20 ms in each direction took %v", took)
	}
	if p.Accepted() != 1 {
		t.Errorf("accepted %d connections, want 1", p.Accepted())
	}
}

func TestProxyHolds(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault engine.Fault
		acts  bool
	}{{"both", engine.Hold, false}, {"replies", engine.HoldReplies, true}} {
		t.Run(test.name, func(t *testing.T) {
			p, heard := proxy(t, 0)
			d := talk(t, p)
			if _, err := d.ask("a"); err != nil {
				t.Fatal(err)
			}
			<-heard
			p.SetFault(test.fault)
			fmt.Fprintln(d, "b")
			if test.acts {
				<-heard
			}
			d.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			if reply, err := d.r.ReadString('\n'); err == nil {
				t.Errorf("a held reply arrives: %q", reply)
			}
			if !test.acts && len(heard) > 0 {
				t.Error("the server has heard what was held")
			}
			if p.Held() != 1 {
				t.Errorf("%d directions hold something back, want 1", p.Held())
			}
			d.SetReadDeadline(time.Time{})
			p.SetFault(engine.Pass)
			if reply, err := d.r.ReadString('\n'); err != nil || reply != "b\n" {
				t.Errorf("after the fault the reply is %q (%v)", reply, err)
			}
		})
	}
}

func TestProxyCuts(t *testing.T) {
	p, _ := proxy(t, 0)
	d := talk(t, p)
	if _, err := d.ask("a"); err != nil {
		t.Fatal(err)
	}
	p.Reset()
	if _, err := d.ask("b"); err == nil {
		t.Error("a connection lives through Reset")
	}
	if _, err := talk(t, p).ask("c"); err != nil {
		t.Errorf("a new connection after Reset: %v", err)
	}
	p.SetFault(engine.Cut)
	if conn, err := net.Dial("tcp", p.Addr()); err == nil {
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := (dialogue{conn, bufio.NewReader(conn)}).ask("d"); err == nil {
			t.Error("a connection passes a cut network")
		}
		conn.Close()
	}
	p.SetFault(engine.Pass)
	if _, err := talk(t, p).ask("e"); err != nil {
		t.Errorf("a connection after the cut: %v", err)
	}
	d = talk(t, p)
	p.Close()
	if _, err := d.ask("f"); err == nil {
		t.Error("a connection lives through Close")
	}
}
