// Package e2e tests the whole system with real processes, real files and real
// databases: each promise of the product, and each fault it must survive, as a
// school, an operator or an attacker would meet it.
//
// stack starts the programs, demoschool is the school, standin the SQL Server
// that its MIS is on (instance takes a real one instead), oracle says what must
// have arrived, fault stands between the two sides, zoo keeps the
// releases that go wrong. Nothing here ships.
package e2e
