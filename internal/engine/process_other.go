//go:build !unix

package engine

import (
	"errors"
	"os"
	"os/exec"
)

var errSystem = errors.New("engine: processes are stopped and continued on Unix systems only")

func terminate() os.Signal        { return os.Kill }
func quit() os.Signal             { return os.Kill }
func bind(*exec.Cmd)              {}
func stopAll(*process) error      { return errSystem }
func continueAll(*process) error  { return errSystem }
func own(string, *exec.Cmd) error { return nil }

func killAll(p *process) error {
	err := p.cmd.Process.Kill()
	<-p.done
	return err
}
