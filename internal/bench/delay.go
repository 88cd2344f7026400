package bench

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A delay stands between clients and a server, and holds each answer back for a
// time, as a network does. Several answers may be on their way at once.
type delay struct {
	listener net.Listener
	to       string
	hold     time.Duration
	alarm    *alarm
	answers  chan answerChunk // in the order in which they are due

	turns atomic.Int64 // how often clients began to speak after the server had spoken
	ends  sync.WaitGroup
}

// An answerChunk is a part of what a server said, and when it arrives. Without
// text the connection ends.
type answerChunk struct {
	client net.Conn
	text   []byte
	due    time.Time
}

func newDelay(to string, hold time.Duration) (*delay, error) {
	alarm, err := newAlarm()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		alarm.close()
		return nil, err
	}
	d := &delay{listener: listener, to: to, hold: hold, alarm: alarm, answers: make(chan answerChunk, 4096)}
	d.ends.Go(d.accept)
	go d.deliver()
	return d, nil
}

func (d *delay) addr() string { return d.listener.Addr().String() }

// close ends the delay, after its clients have ended.
func (d *delay) close() {
	d.listener.Close()
	d.ends.Wait()
	close(d.answers)
}

func (d *delay) accept() {
	for {
		client, err := d.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", d.to)
		if err != nil {
			client.Close()
			continue
		}
		var asked atomic.Bool
		d.ends.Go(func() { d.ask(client, server, &asked) })
		d.ends.Go(func() { d.answer(client, server, &asked) })
	}
}

// ask passes on what the client says, at once.
func (d *delay) ask(client, server net.Conn, asked *atomic.Bool) {
	defer server.Close()
	buffer := make([]byte, 16<<10)
	for {
		n, err := client.Read(buffer)
		if n > 0 && !asked.Swap(true) {
			d.turns.Add(1)
		}
		if _, failed := server.Write(buffer[:n]); err != nil || failed != nil {
			return
		}
	}
}

// answer hands over what the server says.
func (d *delay) answer(client, server net.Conn, asked *atomic.Bool) {
	buffer := make([]byte, 16<<10)
	for {
		n, err := server.Read(buffer)
		if n > 0 {
			asked.Store(false)
			d.answers <- answerChunk{client, append([]byte(nil), buffer[:n]...), time.Now().Add(d.hold)}
		}
		if err != nil {
			d.answers <- answerChunk{client, nil, time.Now().Add(d.hold)}
			return
		}
	}
}

// deliver passes on the answers when they are due.
func (d *delay) deliver() {
	defer d.alarm.close()
	for c := range d.answers {
		d.alarm.sleep(time.Until(c.due))
		if c.text == nil {
			c.client.Close()
			continue
		}
		c.client.Write(c.text)
	}
}
