// SPDX-License-Identifier: Apache-2.0

// A client that uses another implementation of Varlink: bindings that varlink/go generates from the
// interface files. It talks to a running hookd and prints what is wrong.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/varlink/go/varlink"

	control "bindings/iohookdcontrol"
	hooks "bindings/iohookdhooks"
	settings "bindings/iohookdsettings"
	status "bindings/iohookdstatus"
)

var (
	ctx   = context.Background()
	state = json.RawMessage(`{"ociVersion":"1.0.2","id":"foreign","status":"creating","bundle":"/"}`)
	lists = json.RawMessage(`{"createRuntime":[{"path":"/bin/sh","args":["sh","-c","echo one"]},{"path":"/bin/true"}]}`)
)

func expect(what string, ok bool) {
	if !ok {
		fmt.Println("wrong:", what)
		os.Exit(1)
	}
	fmt.Println("right:", what)
}

func getInfo(c *varlink.Connection) {
	var vendor, product, version, url string
	var interfaces []string
	err := c.GetInfo(ctx, &vendor, &product, &version, &url, &interfaces)
	expect("GetInfo", err == nil && product == "hookd" && len(interfaces) >= 4)
	for _, name := range interfaces {
		text, err := c.GetInterfaceDescription(ctx, name)
		expect("GetInterfaceDescription "+name, err == nil && len(text) > 0)
	}
}

func run(c *varlink.Connection) string {
	_, _, _, _, _, _, _, _, result, err := hooks.Run().Call(ctx, c, "createRuntime", state, lists,
		nil, nil, nil, nil, nil, nil)
	expect("Run", err == nil && result != nil && result.Outcome == "succeeded" && len(result.Hooks) == 2)
	expect("its stdout", result.Hooks[0].Stdout != nil && *result.Hooks[0].Stdout == "one\n")
	return result.Run
}

func runWithSettings(c *varlink.Connection) {
	under := json.RawMessage(`{"process":{"user":{"uid":0,"gid":0,"umask":31}}}`)
	mask := json.RawMessage(`{"createRuntime":[{"path":"/bin/sh","args":["sh","-c","umask"]}]}`)
	_, _, _, _, _, _, _, _, result, err := hooks.Run().Call(ctx, c, "createRuntime", state, mask,
		nil, &under, nil, nil, nil, nil)
	expect("Run with settings", err == nil && result != nil && result.Outcome == "succeeded" &&
		*result.Hooks[0].Stdout == "0037\n")
}

func runWithMore(c *varlink.Connection) {
	receive, err := hooks.Run().Send(ctx, c, varlink.More, "createRuntime", state, lists,
		nil, nil, nil, nil, nil, nil)
	expect("Run with more", err == nil)
	var events []string
	for {
		event, _, _, _, _, _, _, _, result, flags, err := receive(ctx)
		expect("a reply", err == nil)
		if flags&varlink.Continues == 0 {
			expect("the result comes last", result != nil && result.Outcome == "succeeded")
			break
		}
		events = append(events, *event)
	}
	expect("accepted comes first", len(events) > 0 && events[0] == "accepted")
	expect("each hook has started and finished", count(events, "started") == 2 && count(events, "finished") == 2)
}

func count(events []string, name string) (n int) {
	for _, event := range events {
		if event == name {
			n++
		}
	}
	return n
}

func badParameter(c *varlink.Connection) {
	bad := json.RawMessage(`{"createRuntime":[{"path":"/bin/true","timeout":0}]}`)
	_, _, _, _, _, _, _, _, _, err := hooks.Run().Call(ctx, c, "createRuntime", state, bad,
		nil, nil, nil, nil, nil, nil)
	var invalid *hooks.Invalid
	expect("Invalid", errors.As(err, &invalid) && invalid.Path == "hooks.createRuntime[0].timeout" &&
		invalid.Detail != "")
}

func others(c *varlink.Connection, id string) {
	expect("Ping", control.Ping().Call(ctx, c) == nil)
	_, runs, more, err := status.List().Call(ctx, c, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil,
		nil, nil)
	expect("List", err == nil && runs != nil && len(*runs) >= 2 && more == nil)
	one, result, progress, request, err := status.Get().Call(ctx, c, id)
	expect("Get", err == nil && one.Run == id && result != nil && progress == nil && request != nil)
	count, oldest, paths, _, err := status.Summary().Call(ctx, c, nil, nil, nil, nil, nil)
	expect("Summary", err == nil && count >= 2 && oldest != nil && len(paths) >= 2)
	version, pid, _, _, is, _, _, connections, stored, _, addresses, _, _, _, hour, _, _, _, _, _, err := status.GetStatus().Call(ctx, c)
	expect("GetStatus", err == nil && version != "" && pid > 0 && is == "running" && connections >= 1 &&
		stored == count && len(addresses) == 1 && hour.Runs == count)
	text, err := status.GetMetrics().Call(ctx, c, nil)
	expect("GetMetrics", err == nil && strings.HasSuffix(text, "# EOF\n"))
	held, err := settings.Holdings().Call(ctx, c)
	expect("Holdings", err == nil && len(held) == 0)
	files, err := control.Reload().Call(ctx, c)
	expect("Reload", err == nil && len(files) == 1 && files[0] == "/dev/null")
	expect("SetLogLevel", control.SetLogLevel().Call(ctx, c, "info") == nil)
	allowed, _, reason, err := control.ExplainPolicy().Call(ctx, c, 4711, nil, "io.hookd.hooks.Run", nil)
	expect("ExplainPolicy", err == nil && !allowed && reason != "")
}

func waitAndCancel(c *varlink.Connection, id string) {
	result, err := hooks.Wait().Call(ctx, c, id)
	expect("Wait", err == nil && result.Run == id && result.Outcome == "succeeded")
	expect("Cancel of a run that is done", hooks.Cancel().Call(ctx, c, id) == nil)
	explained, _, _, allowed, _, _, err := hooks.Explain().Call(ctx, c, "poststop", nil,
		json.RawMessage(`{"poststop":[{"path":"/bin/true"}]}`), nil, nil, nil)
	expect("Explain", err == nil && allowed && len(explained) == 1 && explained[0].Path == "/bin/true")
	err = hooks.Cancel().Call(ctx, c, "none")
	var none *hooks.NoSuchRun
	expect("NoSuchRun", errors.As(err, &none) && none.Run == "none")
}

func applySettings(c *varlink.Connection) {
	process := exec.Command("sleep", "1000")
	expect("a process", process.Start() == nil)
	defer process.Wait()
	defer process.Process.Kill()
	score := json.RawMessage(`{"process":{"oomScoreAdj":77}}`)
	pid := int64(process.Process.Pid)
	applied, err := settings.Apply().Call(ctx, c, "foreign", pid, score, nil, nil)
	expect("Apply", err == nil && applied.Process != nil && (*applied.Process)[0] == "oomScoreAdj")
	held, err := settings.Holdings().Call(ctx, c)
	expect("Holdings of a container", err == nil && len(held) == 1 && held["foreign"].Process != nil)
	score = json.RawMessage(`{"process":{"oomScoreAdj":78}}`)
	applied, err = settings.Update().Call(ctx, c, "foreign", score, nil)
	expect("Update", err == nil && applied.Process != nil)
	_, err = settings.Release().Call(ctx, c, "foreign")
	expect("Release", err == nil)
	_, err = settings.Release().Call(ctx, c, "foreign")
	var none *settings.NoSuchContainer
	expect("NoSuchContainer", errors.As(err, &none) && none.Container == "foreign")
}

func compile(c *varlink.Connection) {
	profile := json.RawMessage(`{"defaultAction":"SCMP_ACT_ALLOW"}`)
	bpf, instructions, _, listener, unknown, err := settings.CompileSeccomp().Call(ctx, c, profile, nil, nil)
	bytes, wrong := base64.StdEncoding.DecodeString(bpf)
	expect("CompileSeccomp", err == nil && wrong == nil && int64(len(bytes)) == 8*instructions &&
		!listener && len(unknown) == 0)
}

func drain(c *varlink.Connection) {
	running, err := control.Drain().Call(ctx, c)
	expect("Drain", err == nil && running == 0)
}

func watch(c *varlink.Connection) {
	since := int64(0)
	receive, err := status.Watch().Send(ctx, c, varlink.More, nil, nil, nil, nil, &since, nil, nil)
	expect("Watch", err == nil)
	var events []string
	for len(events) < 8 {
		event, at, run, _, flags, err := receive(ctx)
		expect("an event", err == nil && at > 0 && run != nil && flags&varlink.Continues != 0)
		events = append(events, event)
	}
	expect("events of stored runs", events[0] == "submitted" && count(events, "started") >= 3)
}

func main() {
	c, err := varlink.NewConnection(ctx, os.Args[1])
	expect("connect", err == nil)
	getInfo(c)
	id := run(c)
	runWithSettings(c)
	runWithMore(c)
	badParameter(c)
	waitAndCancel(c, id)
	others(c, id)
	compile(c)
	if os.Geteuid() == 0 {
		applySettings(c)
	} else {
		fmt.Println("not done: Apply, Update and Release need root")
	}
	c.Close()
	c, err = varlink.NewConnection(ctx, os.Args[1])
	expect("connect again", err == nil)
	watch(c)
	c.Close()
	c, err = varlink.NewConnection(ctx, os.Args[1])
	expect("connect a third time", err == nil)
	drain(c)
	c.Close()
}
