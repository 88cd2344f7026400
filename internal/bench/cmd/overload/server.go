package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// state is what the server says of itself.
type state struct {
	Goroutines int
	Bytes      uint64 // of the heap and the stacks
}

// beServer serves until its standard input ends. It prints its address.
func beServer(limited bool) error {
	worker := make(chan struct{}, workers)
	mux := http.NewServeMux()
	// The handler does not look at its context, as most work on a database does
	// not once it waits for a connection.
	mux.HandleFunc("GET /work", func(w http.ResponseWriter, _ *http.Request) {
		worker <- struct{}{}
		time.Sleep(serviceTime)
		<-worker
		fmt.Fprintln(w, "done")
	})
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		json.NewEncoder(w).Encode(state{runtime.NumGoroutine(), m.HeapInuse + m.StackInuse})
	})
	var h http.Handler = mux
	if limited {
		l, err := ratelimit.NewConcurrency(ratelimit.Concurrency{
			Name: "service", Max: workers, MaxWait: 4 * serviceTime, HealthPaths: []string{"/health"},
		})
		if err != nil {
			return err
		}
		h = l.Wrap(mux)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// startServer starts this program as a server. The server ends when stop is
// called, or when this process ends.
func startServer(ctx context.Context, limited bool) (url string, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	c := exec.CommandContext(ctx, self, "-serve", fmt.Sprintf("-limit=%v", limited))
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := c.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		in.Close()
		c.Wait()
	}
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return "", nil, fmt.Errorf("the server did not start: %w", err)
	}
	return "http://" + strings.TrimSpace(addr), stop, nil
}
