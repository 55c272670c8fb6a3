// SPDX-License-Identifier: Apache-2.0

// A client that uses another implementation of Varlink: bindings that varlink/go generates from the
// interface files. It talks to a running hookd and prints what is wrong.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

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
	_, runs, err := status.List().Call(ctx, c, nil, nil, nil, nil, nil, nil, nil, nil)
	expect("List", err == nil && runs != nil && len(*runs) >= 2)
	one, result, request, err := status.Get().Call(ctx, c, id)
	expect("Get", err == nil && one.Run == id && result != nil && request != nil)
	held, err := settings.Holdings().Call(ctx, c)
	expect("Holdings", err == nil && len(held) == 0)
	err = control.Reload().Call(ctx, c)
	var missing *varlink.MethodNotImplemented
	expect("a method that is not there yet", errors.As(err, &missing))
}

func main() {
	c, err := varlink.NewConnection(ctx, os.Args[1])
	expect("connect", err == nil)
	getInfo(c)
	id := run(c)
	runWithSettings(c)
	runWithMore(c)
	badParameter(c)
	others(c, id)
	c.Close()
}
