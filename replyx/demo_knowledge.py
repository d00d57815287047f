"""What the demo's assistant knows: the questions of a small pottery's customers, in Russian and in English."""

from __future__ import annotations

from replyx.schemas.languages import Language

_RUSSIAN = """
# Сроки доставки
По России привозим за 3–6 дней: на сборку уходит день, остальное время посылка в пути.
Дату и время вы выбираете при оформлении.

# Стоимость доставки
Курьер стоит 390 рублей, пункт выдачи 250. Заказы от 5000 рублей привозим бесплатно.

# Самовывоз из мастерской
Заказ можно забрать в Вологде, Гончарный переулок, 5. Он ждёт вас неделю; напишем, когда всё упаковано.

# Где мой заказ
Номер для отслеживания приходит в письме, когда посылка ушла. По ссылке из письма видно, где она сейчас.

# Доставка в другие страны
Отправляем в Казахстан, Беларусь и Армению за 8–14 дней. Пошлину, если она есть, оплачивает получатель.

# Вещь разбилась в пути
Если что-то разбилось или треснуло, пришлите фотографию вещи и коробки. Отправим новую за наш счёт.

# Возврат
Вернуть посуду можно в течение 14 дней, если ею не пользовались. Напишите номер заказа, и мы пришлём наклейку.

# Когда вернутся деньги
Деньги возвращаются на ту же карту за 3–7 дней после того, как вещь приехала в мастерскую.

# Обмен на другую вещь
Не подошёл размер или цвет — поменяем на другую вещь с полки; разницу в цене доплатите или вернём.

# Посудомойка и микроволновка
Всю посуду можно мыть в посудомойке и греть в микроволновке. Вещи с золотом моют только руками.

# Можно ли в духовку
Посуда выдерживает 250 градусов. Ставьте её в холодную духовку: резкий нагрев даёт трещины.

# Из чего сделана посуда
Каменная масса из Гжели и глазурь без свинца и кадмия; протокол испытаний пришлём по просьбе.

# Почему вещи не одинаковы
Каждую вещь крутят на круге и глазуруют вручную, поэтому оттенок и потёки всегда свои. Размер отличается до 5 мм.

# Кружка «Снег сошёл», артикул KR-350
Артикул KR-350: объём 350 мл, тонкий край, вес 280 г. Цена 1900 рублей.

# Чайник «Полночь», артикул CH-900
Артикул CH-900: объём 900 мл, ситечко внутри, подходит для газа через рассекатель. Цена 6200 рублей.

# Тарелка «Озеро», артикул TR-26
Артикул TR-26: диаметр 26 см, в наборе две тарелки. Цена набора 3800 рублей.

# Способы оплаты
Принимаем карты «Мир», СБП и наличные в мастерской. Юридическим лицам выставим счёт.

# Промокод не работает
Промокод вводят в корзине, один на заказ. Он не действует на вещи со скидкой и на сертификаты.

# Подарочный сертификат
Сертификат на любую сумму от 1000 рублей приходит на почту сразу после оплаты и действует год.

# Подарочная упаковка
Завернём в бумагу с семенами и положим открытку с вашим текстом; это стоит 200 рублей.

# Посуда на заказ и надпись
Сделаем сервиз или надпись по вашему эскизу за 4–6 недель. Предоплата половина.

# Мастер-класс
По субботам в 12 часов учим крутить на круге. Занятие длится два часа, стоит 2500 рублей, глина и обжиг включены.

# Когда открыта мастерская
По субботам с 11 до 17 можно прийти, потрогать посуду и выпить из неё чаю. В другие дни мы работаем без гостей.

# Изменить или отменить заказ
Пока заказ не упакован, его можно изменить или отменить: напишите номер заказа в чат.

# Оптом для кафе
Кафе и магазинам продаём от 30 вещей со скидкой 25 %. Каталог и договор пришлём на почту.
"""

_ENGLISH = """
# Delivery times
Within Russia it takes 3 to 6 days: one day to pack, the rest on the road. You choose day and hour at the checkout.

# Delivery cost
A courier costs 4 euro, a pick-up point 3. Orders over 55 euro are delivered free of charge.

# Pick up at the studio
Collect your order in Vologda, 5 Goncharny Lane. We keep it for a week and write when it is packed.

# Where is my order
The tracking number comes by e-mail when the parcel has left. The link there shows where it is.

# Other countries and customs
We post to the European Union and Turkey in 10 to 20 days. You pay import duty, if there is any.

# Broken on the way
If a piece broke or cracked on the way, send a photo of it and of the box. We post a new one at our cost.

# Returns
You may return unused pieces within 14 days. Write the number of the order, and we send a label.

# When the refund arrives
The money is back on your card 3 to 7 days after the piece has reached the studio.

# Exchange
If size or colour is not right, we swap it for another piece from the shelf; the difference in price is settled.

# Dishwasher and microwave
Everything may go into the dishwasher and the microwave. Pieces with gold are washed by hand.

# Oven
Our ware stands 250 degrees. Put it into a cold oven: sudden heat makes cracks.

# What it is made of
Stoneware clay, and glaze without lead or cadmium; we send the test report if you ask.

# Why no two pieces are alike
Each piece is thrown and glazed by hand, so shade and drips are its own. Sizes differ by up to 5 mm.

# "After the snow" mug, article KR-350
Article KR-350: it holds 350 ml, has a thin rim and weighs 280 g. The price is 21 euro.

# "Midnight" teapot, article CH-900
Article CH-900: it holds 900 ml and has a strainer inside. The price is 68 euro.

# "Lake" plate, article TR-26
Article TR-26: 26 cm across, sold as a set of two. The price of the set is 42 euro.

# Ways to pay
We take Visa, Mastercard, PayPal and bank transfer. Companies get an invoice.

# Discount code does not work
A code goes into the basket, one for each order. It does not work for pieces on sale or for gift cards.

# Gift cards
A gift card of any amount from 10 euro comes by e-mail right after payment and is good for a year.

# Gift wrapping
We wrap it in paper with seeds and add a card with your words; that costs 2 euro.

# Made to order
We make a set or an inscription to your sketch in 4 to 6 weeks. Half is paid in advance.

# Pottery class
On Saturdays at 12 we teach throwing on the wheel. A class takes two hours and costs 28 euro, clay and firing included.

# Opening hours
On Saturdays from 11 to 17 you can come by and drink tea from our cups. On other days we work without guests.

# Change or cancel an order
Until an order is packed it can be changed or cancelled: write its number in the chat.

# Wholesale
Cafés and shops buy from 30 pieces with 25 % off. We send catalogue and contract by e-mail.
"""


def _text(blocks: str) -> str:
    """The blocks with each paragraph on one line, as a source of kind ``text`` has them."""
    parts = (block.split("\n", 1) for block in blocks.strip().split("\n\n"))
    return "\n".join(f"{heading}\n{' '.join(text.splitlines())}" for heading, text in parts)


TEXTS: dict[Language, tuple[str, str]] = {
    "ru": ("Вопросы покупателей", _text(_RUSSIAN)),
    "en": ("Customers' questions", _text(_ENGLISH)),
}
