// SPDX-License-Identifier: Apache-2.0

// runhooks runs hooks with runc's libcontainer, in this process, on request of a benchmark, so that
// blocks of its work can alternate with blocks of hookd's.
//
// The first line of stdin is the OCI state. Each line after it is "PATH HOOKS CALLS GOROUTINES":
// HookList.RunHooks on a list of HOOKS times PATH is called CALLS times in total, by GOROUTINES
// goroutines. The answer is one line of nanoseconds: the total time, then the time of each call.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runtime-spec/specs-go"
)

type order struct {
	path                     string
	hooks, calls, goroutines int
}

func (o order) list() configs.HookList {
	var list configs.HookList
	for i := 0; i < o.hooks; i++ {
		list = append(list, configs.NewCommandHook(configs.Command{
			Path: o.path,
			Args: []string{o.path},
			Env:  []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
		}))
	}
	return list
}

// work calls RunHooks until all calls are made, and stores the time of each.
func (o order) work(state *specs.State, taken *int64, times []time.Duration) error {
	list := o.list()
	for {
		call := int(atomic.AddInt64(taken, 1)) - 1
		if call >= o.calls {
			return nil
		}
		begin := time.Now()
		if err := list.RunHooks(state); err != nil {
			return err
		}
		times[call] = time.Since(begin)
	}
}

func (o order) carryOut(state *specs.State) (time.Duration, []time.Duration, error) {
	var workers sync.WaitGroup
	var taken int64
	times := make([]time.Duration, o.calls)
	failures := make(chan error, o.goroutines)
	begin := time.Now()
	for i := 0; i < o.goroutines; i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			if err := o.work(state, &taken, times); err != nil {
				failures <- err
			}
		}()
	}
	workers.Wait()
	whole := time.Since(begin)
	close(failures)
	return whole, times, <-failures
}

func serve() error {
	var state specs.State
	input := bufio.NewScanner(os.Stdin)
	output := bufio.NewWriter(os.Stdout)
	if !input.Scan() {
		return fmt.Errorf("no state: %v", input.Err())
	}
	if err := json.Unmarshal(input.Bytes(), &state); err != nil {
		return err
	}
	for input.Scan() {
		var o order
		_, err := fmt.Sscan(input.Text(), &o.path, &o.hooks, &o.calls, &o.goroutines)
		if err != nil {
			return err
		}
		whole, times, err := o.carryOut(&state)
		if err != nil {
			return err
		}
		fmt.Fprint(output, whole.Nanoseconds())
		for _, t := range times {
			fmt.Fprint(output, " ", t.Nanoseconds())
		}
		fmt.Fprintln(output)
		if err := output.Flush(); err != nil {
			return err
		}
	}
	return input.Err()
}

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "runhooks:", err)
		os.Exit(1)
	}
}
