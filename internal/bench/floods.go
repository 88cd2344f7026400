package bench

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"runtime"
	"time"
)

// A Flood is what many made-up addresses do to a limiter.
type Flood struct {
	Limiter string
	Held    int64 // bytes that the limiter holds before the first request
	Grown   int64 // bytes by which the heap grows after each address has sent a request
	Passed  int64 // of 200 requests of one client at 10/hour, between floods that are larger than a bounded memory
}

// Floods sends requests from n addresses, each of its own IPv6 /64, to each
// limiter.
func Floods(n int) ([]Flood, error) {
	var floods []Flood
	for _, l := range Limiters() {
		held, grown, err := grownBy(l, n)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.Name, err)
		}
		passed, err := passedBy(l)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.Name, err)
		}
		floods = append(floods, Flood{l.Name, held, grown, passed})
	}
	return floods, nil
}

// grownBy returns how many bytes the limiter holds at its start, and by how
// many the heap grows from then on. A memory that can be bounded has room for
// all of the addresses.
func grownBy(l Limiter, n int) (held, grown int64, err error) {
	empty := heap()
	wrap, err := l.New(100, time.Minute, n)
	if err != nil {
		return 0, 0, err
	}
	h := wrap(nothing)
	run := drive(Workloads()[0].Driver(h, Token()))
	defer run.Close()
	before := heap()
	for i := range n {
		run.Driver.template.RemoteAddr = network(i)
		run.Do()
	}
	grown = heap() - before
	runtime.KeepAlive(h)
	return before - empty, max(0, grown), nil
}

// passedBy returns how many of 200 requests of one client pass at 10/hour.
// Between ten and ten of them come 4,096 addresses that nobody has seen before,
// and a memory that can be bounded has room for 1,024.
func passedBy(l Limiter) (int64, error) {
	wrap, err := l.New(10, time.Hour, 1024)
	if err != nil {
		return 0, err
	}
	var passed int64
	run := drive(Workloads()[0].Driver(wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.RemoteAddr == offender {
			passed++
		}
	})), Token()))
	defer run.Close()
	made := 0
	for range 20 {
		run.Driver.template.RemoteAddr = offender
		for range 10 {
			run.Do()
		}
		for range 4096 {
			run.Driver.template.RemoteAddr = network(made)
			run.Do()
			made++
		}
	}
	return passed, nil
}

const offender = "198.51.100.7:51234"

// network is an address of an IPv6 /64 of its own.
func network(i int) string {
	var octets [16]byte
	binary.BigEndian.PutUint64(octets[:], 0x2001_0db8_0000_0000|uint64(i))
	octets[15] = 1
	return netip.AddrPortFrom(netip.AddrFrom16(octets), 51234).String()
}

// writeFloods writes what the floods did, as Markdown.
func writeFloods(w io.Writer, floods []Flood) {
	fmt.Fprint(w, "\n| 1,000,000 made-up addresses | heap at the start, MB | growth, MB | a client at 10/hour, 20 × 10 requests between floods: passed |\n|---|---:|---:|---:|\n")
	for _, f := range floods {
		fmt.Fprintf(w, "| %s | %.0f | %.0f | %d |\n", f.Limiter, float64(f.Held)/1e6, float64(f.Grown)/1e6, f.Passed)
	}
}
