//go:build !linux && !windows

package service

import "context"

// The names stand for nothing here.
const (
	Name           = "rollbridge-agent"
	DefaultAccount = ""
)

const none = Refusal("services are for Linux with systemd and for Windows: run `rollbridge-agent run` by whatever starts programs on this system")

func ready(*Setup) error                    { return none }
func allowed() error                        { return none }
func compare(Setup) ([]string, bool, error) { return nil, false, none }
func acceptable(Setup) error                { return none }
func prepare(Setup) error                   { return none }
func enter(Setup) error                     { return none }
func takeOut() error                        { return none }
func start(context.Context) error           { return none }
func stop(context.Context) error            { return none }

// Look says that there is no service.
func Look(context.Context) (State, error) { return State{}, none }
