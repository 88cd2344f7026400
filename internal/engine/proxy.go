package engine

import (
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// A Fault is what a [Proxy] does to the connections through it.
type Fault int

const (
	// Pass delivers everything.
	Pass Fault = iota
	// Hold keeps what arrives, in both directions, and delivers it once the
	// fault is over: a network that is slow to recover.
	Hold
	// HoldReplies delivers what the client sends, and keeps the replies:
	// the server acts and the client does not learn it.
	HoldReplies
	// Cut resets the connections, and each new one: a network that refuses.
	Cut
)

// A Proxy stands before one TCP server, delays what passes by a fixed time in
// each direction, and can fail. Its methods are safe for concurrent use.
type Proxy struct {
	listener net.Listener
	target   string
	mu       sync.Mutex
	delay    time.Duration
	fault    Fault
	changed  chan struct{} // closed at the next change of fault
	conns    map[*net.TCPConn]bool
	closed   bool
	accepted int
	held     int // directions that hold something back
	done     sync.WaitGroup
}

// NewProxy starts a proxy before the server at target, such as Server.Addr
// returns. Delay is the time that each byte takes in one direction, so that a
// round trip takes twice as long. End it with Close.
func NewProxy(target string, delay time.Duration) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	p := &Proxy{listener: listener, target: target, delay: delay, changed: make(chan struct{}), conns: map[*net.TCPConn]bool{}}
	p.done.Go(p.serve)
	return p, nil
}

// Addr returns the address of the proxy, as host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Accepted returns how many connections the proxy has accepted so far.
func (p *Proxy) Accepted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// Held returns how many directions of connections hold something back, by Hold
// or HoldReplies.
func (p *Proxy) Held() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held
}

// SetDelay changes the delay of what arrives from now on.
func (p *Proxy) SetDelay(delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = delay
}

// SetFault changes what the proxy does to its connections. Pass ends a fault.
func (p *Proxy) SetFault(f Fault) {
	p.mu.Lock()
	p.fault = f
	close(p.changed)
	p.changed = make(chan struct{})
	p.mu.Unlock()
	if f == Cut {
		p.Reset()
	}
}

// Reset resets the connections that are open. A new connection passes.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		conn.SetLinger(0) // RST, not FIN
		conn.Close()
	}
}

// Close ends the proxy and resets its connections.
func (p *Proxy) Close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.changed)
		p.changed = make(chan struct{})
	}
	p.mu.Unlock()
	p.listener.Close()
	p.Reset()
	p.done.Wait()
}

func (p *Proxy) serve() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		client := conn.(*net.TCPConn)
		if !p.add(client) {
			continue
		}
		p.done.Go(func() { p.connect(client) })
	}
}

// add notes a connection, or resets it where the proxy is cut or closed.
func (p *Proxy) add(conn *net.TCPConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.fault == Cut {
		conn.SetLinger(0)
		conn.Close()
		return false
	}
	p.conns[conn] = true
	return true
}

func (p *Proxy) drop(conn *net.TCPConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
	conn.Close()
}

func (p *Proxy) connect(client *net.TCPConn) {
	defer p.drop(client)
	conn, err := net.DialTimeout("tcp", p.target, 5*time.Second)
	if err != nil {
		client.SetLinger(0)
		return
	}
	server := conn.(*net.TCPConn)
	if !p.add(server) {
		client.SetLinger(0)
		return
	}
	p.mu.Lock()
	p.accepted++
	p.mu.Unlock()
	defer p.drop(server)
	var both sync.WaitGroup
	both.Go(func() { p.carry(server, client, func(f Fault) bool { return f == Hold }) })
	both.Go(func() { p.carry(client, server, func(f Fault) bool { return f == Hold || f == HoldReplies }) })
	both.Wait()
}

// A chunk is what was read at once, and the time at which it is delivered.
type chunk struct {
	bytes []byte
	due   time.Time
}

// carry copies from one connection to the other, each chunk after the delay,
// and holds back what held says. The end of one direction ends both.
func (p *Proxy) carry(to, from *net.TCPConn, held func(Fault) bool) {
	queue := make(chan chunk, 1024)
	gone := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		defer close(gone)
		for c := range queue {
			time.Sleep(time.Until(c.due))
			if !p.await(held) {
				break
			}
			if _, err := to.Write(c.bytes); err != nil {
				break
			}
		}
		// Whoever reads from the other side learns of the end.
		to.CloseWrite()
	})
	defer writer.Wait()
	defer close(queue)
	for {
		b := make([]byte, 32<<10)
		n, err := from.Read(b)
		if n > 0 {
			p.mu.Lock()
			due := time.Now().Add(p.delay)
			p.mu.Unlock()
			select {
			case queue <- chunk{b[:n], due}:
			case <-gone:
				return
			}
		}
		if err != nil {
			if err != io.EOF { // a reset is passed on as a reset
				to.SetLinger(0)
				to.Close()
			}
			return
		}
	}
}

// await waits while the fault holds the direction back. It returns false when
// the proxy was closed.
func (p *Proxy) await(held func(Fault) bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.closed && held(p.fault) {
		changed := p.changed
		p.held++
		p.mu.Unlock()
		<-changed
		p.mu.Lock()
		p.held--
	}
	return !p.closed
}
