package main

type loadCmd struct{}

// Run is filled in by simulator/load.
func (loadCmd) Run(*env) error { return nil }
