// Command trailverify verifies logs that package trail has written.
//
//	trailverify -key KEY [-known NOTE]... [-continued] LOG...
//
// It reads the logs one after the other, the oldest first, and prints one line:
// "ok" with what it has seen, or the first line that is not in order, what was
// done to it, and in which file. The exit status is 0 if the logs are in order,
// 1 if they are not, and 2 if they cannot be read.
//
// KEY is what trail.VerifierKey writes. NOTE is a file with a checkpoint that
// was kept elsewhere: the logs must hold it. With -continued the first log may
// go on from a log that is not here.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/bulwark-go/bulwark/audit/trail"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// The exit statuses.
const (
	inOrder = iota
	notInOrder
	unreadable
)

func run(args []string, out, errs io.Writer) int {
	flags := flag.NewFlagSet("trailverify", flag.ContinueOnError)
	flags.SetOutput(errs)
	key := flags.String("key", "", "the public `KEY`, as trail.VerifierKey writes it")
	continued := flags.Bool("continued", false, "the first log goes on from another one")
	var notes []string
	flags.Func("known", "a `FILE` with a checkpoint that was kept elsewhere; may be given several times", func(name string) error {
		notes = append(notes, name)
		return nil
	})
	flags.Usage = func() {
		fmt.Fprintln(errs, "usage: trailverify -key KEY [-known FILE]... [-continued] LOG...")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return unreadable
	}
	if *key == "" || flags.NArg() == 0 {
		flags.Usage()
		return unreadable
	}
	verifier, err := trail.NewVerifier(*key)
	if err != nil {
		fmt.Fprintln(errs, err)
		return unreadable
	}
	known, err := open(verifier, notes)
	if err != nil {
		fmt.Fprintln(errs, err)
		return unreadable
	}
	logs := &files{names: flags.Args()}
	defer logs.close()
	verify := verifier.Verify
	if *continued {
		verify = verifier.VerifyNext
	}
	report, err := verify(logs, known...)
	var fault *trail.Fault
	switch {
	case errors.As(err, &fault):
		name, line := logs.place(fault.Line)
		fmt.Fprintf(out, "%s:%d: %s: %s", name, line, fault.Kind, fault.Detail)
		if report.First > 0 && !*continued {
			fmt.Fprint(out, "; give the earlier logs, or -continued")
		}
		if logs.torn != "" {
			fmt.Fprintf(out, "; %s ends in the middle of a line", logs.torn)
		}
		fmt.Fprintln(out)
		return notInOrder
	case err != nil:
		fmt.Fprintln(errs, err)
		return unreadable
	}
	fmt.Fprintf(out, "ok: %d lines, %d checkpoints, the last after %d lines", report.Lines, report.Checkpoints, report.Last.Size)
	if report.Unsigned > 0 {
		fmt.Fprintf(out, "; %d lines behind it are not signed", report.Unsigned)
	}
	if report.Torn {
		fmt.Fprint(out, "; the last line has no end, as after a crash")
	}
	fmt.Fprintln(out)
	return inOrder
}

// open reads the checkpoints that were kept elsewhere.
func open(verifier *trail.Verifier, names []string) ([]trail.Checkpoint, error) {
	var known []trail.Checkpoint
	for _, name := range names {
		note, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		c, err := verifier.Open(string(note))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		known = append(known, c)
	}
	return known, nil
}

// files reads several files as one, and remembers where each began.
type files struct {
	names  []string
	next   int
	file   *os.File
	lines  int64
	begins []int64 // the lines before each file
	last   byte    // that was read
	torn   string  // the first file but the last that ends without a newline
}

// Read reads on, from the next file where one ends.
func (f *files) Read(p []byte) (int, error) {
	for {
		if f.file == nil {
			if f.next == len(f.names) {
				return 0, io.EOF
			}
			file, err := os.Open(f.names[f.next])
			if err != nil {
				return 0, err
			}
			f.file, f.begins = file, append(f.begins, f.lines)
			f.next++
		}
		n, err := f.file.Read(p)
		f.lines += int64(bytes.Count(p[:n], []byte("\n")))
		if n > 0 {
			f.last = p[n-1]
		}
		if err == io.EOF {
			if f.last != '\n' && f.last != 0 && f.torn == "" && f.next < len(f.names) {
				f.torn = f.names[f.next-1]
			}
			f.close()
			err = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// place returns the file of a line, and its number there.
func (f *files) place(line int64) (name string, number int64) {
	name, number = f.names[0], line
	for i, before := range f.begins {
		if line > before {
			name, number = f.names[i], line-before
		}
	}
	return name, number
}

func (f *files) close() {
	if f.file != nil {
		f.file.Close()
		f.file = nil
	}
}
