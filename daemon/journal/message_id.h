/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * MESSAGE_ID of sd-journal(3): one for each kind of message, random, and never changed, since
 * people search for it. systemd/hookd.catalog has the text of each (tests/lint/catalog.sh).
 */
#define MESSAGE_RUN_STARTED	"270cffb8e0774e5594473404df213e0a"
#define MESSAGE_RUN_ENDED	"839fbb7903e0420692cccfd8d482ca80"
#define MESSAGE_RUN_FAILED	"f5485a848a1e4e58b566fc839d3d7207"
#define MESSAGE_RUN_TIMED_OUT	"5dc74b6bbcd84636991a4692e1f04ae1"
#define MESSAGE_RUN_LOST	"dd7884bcfbb3491280abb8718d4c7439"
#define MESSAGE_RUN_TURNED_AWAY "fc551dcf69a04e74a67e65aa18e57b6e"
#define MESSAGE_CALL_REFUSED	"f574608f47e74d79acb9448008bf53c3"
#define MESSAGE_WRONG_CONFIG	"53f4972a42b54ad1882650264e685744"
