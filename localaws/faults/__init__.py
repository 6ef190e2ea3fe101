"""Faults on demand: rules that break calls or kill children, and AWS's rates of requests.

spec         what one rule asks for
validation   the JSON of rules
rule_book    the rules of one localaws, what they have counted, and what has fired
asked        what a request is, as far as rules look at it
rates        AWS's rates of requests, as buckets of tokens
memory       what reads were answered, for stale ones
children     which child processes there are to kill
wording      AWS's codes and sentences
effects      what becomes of a request
step         the step of the chain
service      the routes
client       the routes, for tests and scripts
"""
