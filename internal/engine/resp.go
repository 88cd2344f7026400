package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Do sends a command to a Redis server on a connection of its own, and returns
// the reply: a string, an int64, a []any or nil. An error reply is an error. Do
// ends after five seconds at the latest.
func (s *Server) Do(ctx context.Context, args ...string) (any, error) {
	if _, redis := s.kind.(redisKind); !redis {
		return nil, errors.New("engine: Do is for Redis")
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", s.Addr())
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	r := bufio.NewReader(conn)
	if _, err := exchange(conn, r, "AUTH", s.pass); err != nil {
		return nil, err
	}
	return exchange(conn, r, args...)
}

func exchange(w io.Writer, r *bufio.Reader, args ...string) (any, error) {
	if _, err := w.Write(encode(args)); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	reply, err := decode(r)
	if fault, is := reply.(error); is {
		err = fault
	}
	if err != nil {
		return nil, fmt.Errorf("engine: %s: %w", args[0], err)
	}
	return reply, nil
}

// encode writes a command as the Redis serialization protocol 2 has it.
func encode(args []string) []byte {
	b := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, arg := range args {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(arg), arg)
	}
	return b
}

// decode reads a reply. An error reply is a value, so that it may stand in an
// array; err is the error of the connection.
func decode(r *bufio.Reader) (reply any, err error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return nil, errors.New("an empty line is no reply")
	}
	kind, text := line[0], line[1:]
	switch kind {
	case '+':
		return text, nil
	case '-':
		return errors.New(text), nil
	case ':':
		return strconv.ParseInt(text, 10, 64)
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("no reply of Redis: %w", err)
	case n < 0:
		return nil, nil
	case kind == '$':
		b := make([]byte, n+2)
		_, err := io.ReadFull(r, b)
		return string(b[:n]), err
	case kind == '*':
		list := make([]any, n)
		for i := range list {
			if list[i], err = decode(r); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	return nil, errors.New("no reply of Redis")
}
