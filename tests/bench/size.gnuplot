# SPDX-License-Identifier: Apache-2.0
# Plots the data of size.c: gnuplot -e "folder='FOLDER'" -e "picture='FILE.svg'" size.gnuplot
set terminal svg size 960,720 font 'sans-serif,13' background rgb 'white' name 'cost_against_size'
set output picture
set multiplot layout 2,2 margins 0.08,0.97,0.09,0.94 spacing 0.11,0.14
set logscale xy
set grid xtics ytics linecolor rgb '#dddddd'
set key top left
set xlabel offset 0,0.5
set ylabel 'microseconds' offset 1,0
set format y '%.0f'
set style data linespoints
set style line 1 linecolor rgb '#1f5fa8' linewidth 2 pointtype 7 pointsize 0.6
set style line 2 linecolor rgb '#999999' dashtype 2

# A line through the last point that is linear in the size: what is not steeper is linear or better.
linear(name) = sprintf('< tail -n 1 %s/%s', folder, name)
last_x(name) = real(word(system(linear(name)[3:]), 1))
last_y(name) = real(word(system(linear(name)[3:]), 2))

do for [kind in 'hooks state connections records'] {
  shift = kind eq 'records' ? 1 : 0 # 0 has no logarithm
  through = last_y(kind) / (last_x(kind) + shift)
  set title kind eq 'hooks' ? 'hooks in a request' : kind eq 'state' ? 'KiB of state' : \
    kind eq 'connections' ? 'connections, a hook on each at once' : 'runs that are kept (and 1)'
  set xrange [1:last_x(kind) * 1.3]
  set yrange [10:*]
  plot folder.'/'.kind using ($1 + shift):2 linestyle 1 title 'hookd', \
    through * x linestyle 2 title 'linear'
}
unset multiplot
